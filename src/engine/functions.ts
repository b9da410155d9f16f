/**
 * What DuckDB's own functions do beside their result, by the functions' names. A unit test holds the tables against
 * all functions of the DuckDB that is linked: a new one has to be put into one of them.
 */

/** Table functions that only read. Any other may change something, as one of an extension. */
export const READING_TABLE_FUNCTIONS: ReadonlySet<string> = new Set(
  `check_peg_parser duckdb_approx_database_count duckdb_columns duckdb_connection_count duckdb_constraints
  duckdb_coordinate_systems duckdb_databases duckdb_dependencies duckdb_extensions duckdb_external_file_cache
  duckdb_functions duckdb_indexes duckdb_keywords duckdb_log_contexts duckdb_logs duckdb_memory duckdb_optimizers
  duckdb_prepared_statements duckdb_schemas duckdb_secret_types duckdb_secrets duckdb_sequences duckdb_settings
  duckdb_table_sample duckdb_tables duckdb_temporary_files duckdb_types duckdb_variables duckdb_views
  generate_series glob icu_calendar_names json_each json_tree parquet_bloom_probe parquet_file_metadata
  parquet_full_metadata parquet_kv_metadata parquet_metadata parquet_scan parquet_schema pg_timezone_names
  pragma_collations pragma_database_size pragma_metadata_info pragma_platform pragma_show pragma_storage_info
  pragma_table_info pragma_user_agent pragma_version query query_table range read_blob read_csv read_csv_auto
  read_duckdb read_json read_json_auto read_json_objects read_json_objects_auto read_ndjson read_ndjson_auto
  read_ndjson_objects read_parquet read_text repeat repeat_row seq_scan sniff_csv sql_auto_complete summary
  test_all_types test_vector_types unnest which_secret`.split(/\s+/),
);

/** Scalar functions that DuckDB calls volatile, and that change nothing, or their own session's random numbers. */
export const HARMLESS_VOLATILE: ReadonlySet<string> = new Set(
  `current_connection_id current_query current_query_id current_transaction_id currval error gen_random_uuid
  random setseed sleep_ms stats uuid uuidv4 uuidv7`.split(/\s+/),
);

/** A sequence: DuckDB itself knows a statement that calls it for one that writes. */
export const SEQUENCE_FUNCTIONS: ReadonlySet<string> = new Set(['nextval']);

/** What they change is no data, and no transaction takes it back: logs, profiles, files, the parser. */
export const OUTSIDE_FUNCTIONS: ReadonlySet<string> = new Set(
  `checkpoint disable_logging disable_peg_parser disable_profiling enable_logging enable_peg_parser
  enable_profiling force_checkpoint truncate_duckdb_logs write_log`.split(/\s+/),
);

/** They read an address of memory, or bind a text that nobody can read here. */
export const OPAQUE_FUNCTIONS: ReadonlySet<string> = new Set(
  `arrow_scan arrow_scan_dumb json_execute_serialized_sql json_serialize_plan`.split(/\s+/),
);

/** They read the table or the view that a text names. `query` runs one. */
export const NAME_FUNCTIONS: ReadonlySet<string> = new Set(
  'duckdb_table_sample pragma_show pragma_storage_info pragma_table_info query_table'.split(' '),
);

/** How a function is called in a text: by its name, perhaps quoted, and a parenthesis; an operator by its sign. */
export function callOf(names: Iterable<string>): RegExp {
  return anyOf([...names].map((name) => (/^\W+$/.test(name) ? escaped(name) : `${word(name)}"?\\s*\\(`)));
}

/** A name in a text, whatever it stands for there. */
export function nameOf(names: Iterable<string>): RegExp {
  return anyOf([...names].map((name) => `${word(name)}(?![\\w$])`));
}

const escaped = (name: string): string => name.replaceAll('"', '""').replace(/[\\^$.*+?()[\]{}|]/g, '\\$&');

const word = (name: string): string => `(?<![\\w$])${escaped(name)}`;

const anyOf = (patterns: readonly string[]): RegExp =>
  patterns.length === 0 ? /(?!)/ : new RegExp(`(?:${patterns.join('|')})`, 'i');
