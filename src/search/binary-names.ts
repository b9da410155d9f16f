import { extname } from 'node:path';

/** Extensions whose files are not text: they are not opened to find that out. */
const BINARY = new Set(
  `png jpg jpeg gif bmp ico icns webp avif tif tiff psd heic
   mp3 mp4 m4a wav ogg flac avi mov mkv webm ttf otf woff woff2 eot
   zip gz tgz bz2 xz zst 7z rar tar jar war whl nupkg deb rpm dmg iso
   exe dll so dylib a o obj lib pyc pyo class wasm node bin dat pdb
   pdf doc docx xls xlsx ppt pptx odt parquet arrow feather avro orc npy npz pkl pt onnx safetensors gguf
   sqlite sqlite3 mdb rdb keystore jks p12 der`.split(/\s+/),
);

export function isBinaryName(path: string): boolean {
  return BINARY.has(extname(path).slice(1).toLowerCase());
}
