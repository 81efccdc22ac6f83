//! How RocksDB is set up: little memory, few bytes on disk, and a log that recovers to a whole commit.

use rocksdb::{
    BlockBasedOptions, BottommostLevelCompaction, Cache, ColumnFamilyDescriptor, CompactOptions, DBCompressionType,
    DBRecoveryMode, LogLevel, Options, WriteOptions,
};

use super::options::{Durability, RocksOptions};
use crate::store::Table;

const KIB: usize = 1 << 10;
const MIB: usize = 1 << 20;

/// The settings of the whole database.
pub(super) fn database(chosen: &RocksOptions) -> Options {
    let mut options = Options::default();
    options.create_if_missing(true);
    options.create_missing_column_families(true);

    // The log is replayed up to the first record that is not whole, and the store opens with what was committed until
    // then. A killed process leaves at most one such record, the one being written, which nobody was promised. Absolute
    // consistency would refuse to open after every such kill; skipping bad records would open with a hole.
    options.set_wal_recovery_mode(DBRecoveryMode::PointInTime);
    // A whole log file that is missing is damage, and must not look like a shorter history.
    options.set_track_and_verify_wals_in_manifest(true);
    // What is replayed at the next start: at the 100 MB/s measured, a third of a second.
    options.set_max_total_wal_size(32 * MIB as u64);

    options.set_db_write_buffer_size(chosen.write_buffer);
    options.set_max_open_files(chosen.max_open_files);
    // One flush and one compaction beside the work of the node.
    options.set_max_background_jobs(2);
    // Spreads the writing of large files, so that a commit that waits for the disk does not wait for all of them.
    options.set_bytes_per_sync(MIB as u64);

    // RocksDB's own diary: small, and only what is worth reading.
    options.set_log_level(LogLevel::Warn);
    options.set_keep_log_file_num(2);
    options.set_max_log_file_size(MIB);
    options.set_stats_dump_period_sec(0);
    options.set_stats_persist_period_sec(0);
    options
}

/// One column family for each table, and the default one, which holds the format.
pub(super) fn families(chosen: &RocksOptions) -> Vec<ColumnFamilyDescriptor> {
    let cache = Cache::new_lru_cache(chosen.block_cache);
    let default = ColumnFamilyDescriptor::new(rocksdb::DEFAULT_COLUMN_FAMILY_NAME, family(Table::Meta, &cache));
    let tables = Table::ALL.iter().map(|table| ColumnFamilyDescriptor::new(table.name(), family(*table, &cache)));
    tables.chain([default]).collect()
}

/// How commits are written.
pub(super) fn writes(durability: Durability) -> WriteOptions {
    let mut options = WriteOptions::default();
    options.set_sync(durability == Durability::Fsync);
    options
}

/// A compaction that rewrites everything, so that all of it is compressed as well as it can be.
pub(super) fn full_compaction() -> CompactOptions {
    let mut options = CompactOptions::default();
    options.set_bottommost_level_compaction(BottommostLevelCompaction::ForceOptimized);
    options
}

fn family(table: Table, cache: &Cache) -> Options {
    let mut options = Options::default();
    // Ten tables share the write buffer; none should reserve much before it is used.
    options.set_write_buffer_size(8 * MIB);
    options.set_arena_block_size(128 * KIB);
    options.set_target_file_size_base(16 * MIB as u64);
    options.set_max_bytes_for_level_base(64 * MIB as u64);
    options.set_block_based_table_factory(&blocks(table, cache));
    if is_looked_up(table) {
        // The same question for what is still in memory: one filter instead of a search with a cache miss at each step.
        options.set_memtable_whole_key_filtering(true);
        options.set_memtable_prefix_bloom_ratio(0.02);
    }
    compress(table, &mut options);
    if table == Table::Blocks {
        // Pieces of attached files, up to a mebibyte each: kept out of the sorted files, so that compaction does not
        // copy them again and again.
        options.set_enable_blob_files(true);
        options.set_min_blob_size(16 * KIB as u64);
        options.set_blob_compression_type(DBCompressionType::Lz4);
        options.set_enable_blob_gc(true);
    }
    options
}

/// Keys and values that are mostly hashes do not shrink; everything else does. The last level, which holds nine tenths
/// of the data, is compressed with more effort, and read as fast.
fn compress(table: Table, options: &mut Options) {
    if matches!(table, Table::Ids | Table::Files) {
        options.set_compression_type(DBCompressionType::None);
        return;
    }
    options.set_compression_type(DBCompressionType::Lz4);
    options.set_bottommost_compression_type(DBCompressionType::Lz4hc);
    // The level: with real comments, 4 leaves as little on the disk as the usual 9, within a hundredth, in less time.
    options.set_bottommost_compression_options(-14, 4, 0, 0, true);
}

fn blocks(table: Table, cache: &Cache) -> BlockBasedOptions {
    let mut options = BlockBasedOptions::default();
    options.set_block_cache(cache);
    // Indexes and filters count as cache, or memory would grow with the number of files.
    options.set_cache_index_and_filter_blocks(true);
    options.set_cache_index_and_filter_blocks_with_high_priority(true);
    options.set_pin_l0_filter_and_index_blocks_in_cache(true);
    options.set_format_version(6);
    // Larger blocks compress better: with real comments 32 KiB saves 3 % of the disk over 16 KiB, and entries are mostly
    // read in runs.
    options.set_block_size(if table == Table::Entries { 32 * KIB } else { 16 * KIB });
    if is_looked_up(table) {
        // Ten bits a key: one look-up in a hundred of something that is not there reads a block for nothing.
        options.set_bloom_filter(10.0, false);
        options.set_optimize_filters_for_memory(true);
    }
    options
}

/// Tables read by whole keys, most of which are hashes: "is this here?" is asked far more often than answered with yes.
fn is_looked_up(table: Table) -> bool {
    matches!(table, Table::Ids | Table::Files | Table::Chains | Table::Notes | Table::Nodes | Table::Blocks)
}
