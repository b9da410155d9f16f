import { basename, extname } from 'node:path';

/** How definitions look in a language; `definitions.ts` has the patterns. */
export type Family =
  | 'ecma'
  | 'rust'
  | 'python'
  | 'go'
  | 'c'
  | 'jvm'
  | 'ruby'
  | 'script'
  | 'shell'
  | 'sql'
  | 'markdown'
  | 'section'
  | 'none';

interface Language {
  readonly name: string;
  readonly family: Family;
  readonly extensions: string;
  /** Whole file names, for files that carry no extension. */
  readonly names?: string;
  /** What else people call it, ripgrep's types among it; its extensions count too. */
  readonly aliases?: string;
}

const LANGUAGES: readonly Language[] = [
  { name: 'typescript', family: 'ecma', extensions: 'ts mts cts tsx' },
  { name: 'javascript', family: 'ecma', extensions: 'js mjs cjs jsx', aliases: 'node nodejs ecmascript' },
  { name: 'vue', family: 'ecma', extensions: 'vue' },
  { name: 'svelte', family: 'ecma', extensions: 'svelte' },
  { name: 'astro', family: 'ecma', extensions: 'astro' },
  { name: 'rust', family: 'rust', extensions: 'rs' },
  {
    name: 'python',
    family: 'python',
    extensions: 'py pyi pyx',
    names: 'SConstruct wscript',
    aliases: 'python3 py3',
  },
  { name: 'go', family: 'go', extensions: 'go', aliases: 'golang' },
  { name: 'c', family: 'c', extensions: 'c h' },
  {
    name: 'cpp',
    family: 'c',
    extensions: 'cc cpp cxx c++ hh hpp hxx h++ ipp inl cu cuh ino',
    aliases: 'cplusplus',
  },
  { name: 'objc', family: 'c', extensions: 'm mm', aliases: 'objective-c objectivec obj-c' },
  { name: 'java', family: 'jvm', extensions: 'java' },
  { name: 'kotlin', family: 'jvm', extensions: 'kt kts' },
  { name: 'scala', family: 'jvm', extensions: 'scala sc' },
  {
    name: 'groovy',
    family: 'jvm',
    extensions: 'groovy gradle',
    names: 'Jenkinsfile',
    aliases: 'jenkinsfile',
  },
  { name: 'csharp', family: 'jvm', extensions: 'cs', aliases: 'c# c-sharp dotnet' },
  { name: 'swift', family: 'jvm', extensions: 'swift' },
  { name: 'dart', family: 'jvm', extensions: 'dart' },
  { name: 'php', family: 'jvm', extensions: 'php' },
  { name: 'ruby', family: 'ruby', extensions: 'rb rake gemspec', names: 'Rakefile Gemfile' },
  { name: 'elixir', family: 'ruby', extensions: 'ex exs' },
  { name: 'crystal', family: 'ruby', extensions: 'cr' },
  { name: 'lua', family: 'script', extensions: 'lua' },
  { name: 'julia', family: 'script', extensions: 'jl' },
  { name: 'r', family: 'script', extensions: 'r' },
  { name: 'perl', family: 'script', extensions: 'pl pm', aliases: 'perl5' },
  { name: 'haskell', family: 'script', extensions: 'hs' },
  { name: 'ocaml', family: 'script', extensions: 'ml mli', aliases: 'caml' },
  { name: 'fsharp', family: 'script', extensions: 'fs fsx fsi', aliases: 'f# f-sharp' },
  { name: 'zig', family: 'rust', extensions: 'zig' },
  { name: 'nim', family: 'script', extensions: 'nim' },
  { name: 'erlang', family: 'script', extensions: 'erl hrl' },
  { name: 'clojure', family: 'script', extensions: 'clj cljs cljc edn' },
  {
    name: 'shell',
    family: 'shell',
    extensions: 'sh bash zsh fish',
    names: '.bashrc .zshrc .profile',
    aliases: 'shellscript',
  },
  { name: 'powershell', family: 'shell', extensions: 'ps1 psm1', aliases: 'ps pwsh posh' },
  {
    name: 'make',
    family: 'none',
    extensions: 'mk',
    names: 'Makefile GNUmakefile makefile',
    aliases: 'makefile',
  },
  { name: 'cmake', family: 'shell', extensions: 'cmake', names: 'CMakeLists.txt' },
  {
    name: 'dockerfile',
    family: 'none',
    extensions: 'dockerfile',
    names: 'Dockerfile Containerfile',
    aliases: 'docker containerfile',
  },
  { name: 'sql', family: 'sql', extensions: 'sql' },
  { name: 'protobuf', family: 'jvm', extensions: 'proto', aliases: 'protocol-buffers' },
  { name: 'graphql', family: 'ecma', extensions: 'graphql gql' },
  { name: 'markdown', family: 'markdown', extensions: 'md mdx markdown', aliases: 'mkd' },
  { name: 'restructuredtext', family: 'none', extensions: 'rst', aliases: 'rest' },
  { name: 'toml', family: 'section', extensions: 'toml', names: 'Cargo.lock' },
  { name: 'ini', family: 'section', extensions: 'ini cfg conf properties', names: '.editorconfig .npmrc' },
  { name: 'yaml', family: 'none', extensions: 'yaml yml' },
  { name: 'json', family: 'none', extensions: 'json jsonc json5 jsonl ndjson' },
  { name: 'html', family: 'none', extensions: 'html htm xhtml' },
  { name: 'xml', family: 'none', extensions: 'xml xsd xsl svg plist csproj vcxproj' },
  { name: 'css', family: 'none', extensions: 'css scss sass less' },
  { name: 'hcl', family: 'none', extensions: 'tf hcl', aliases: 'terraform' },
  { name: 'nix', family: 'none', extensions: 'nix' },
  { name: 'text', family: 'none', extensions: 'txt log csv tsv', aliases: 'plain plaintext' },
];

const list = (words: string | undefined): string[] => words?.split(' ') ?? [];
const BY_EXTENSION = new Map(LANGUAGES.flatMap((l) => list(l.extensions).map((e) => [e, l.name] as const)));
const BY_NAME = new Map(LANGUAGES.flatMap((l) => list(l.names).map((n) => [n, l.name] as const)));
const ALIASES = new Map(LANGUAGES.flatMap((l) => list(l.aliases).map((a) => [a, l.name] as const)));
const FAMILIES: ReadonlyMap<string, Family> = new Map(LANGUAGES.map((l) => [l.name, l.family]));

/** The language of a path by its name alone; `text` where the name says nothing. */
export function languageOf(path: string): string {
  const name = basename(path);
  return BY_NAME.get(name) ?? BY_EXTENSION.get(extname(name).slice(1).toLowerCase()) ?? 'text';
}

export const LANGUAGE_NAMES: readonly string[] = LANGUAGES.map(({ name }) => name);
/** What a language may be called beside its name. */
export const OTHER_NAMES: readonly string[] = [...ALIASES.keys(), ...BY_EXTENSION.keys()];

/** The language that a person means: its name, an alias or an extension of its files; undefined for none of them. */
export function languageNamed(text: string): string | undefined {
  const name = text.toLowerCase().replace(/^\./, '');
  return FAMILIES.has(name) ? name : (ALIASES.get(name) ?? BY_EXTENSION.get(name));
}

export function familyOf(language: string): Family {
  return FAMILIES.get(language) ?? 'none';
}
