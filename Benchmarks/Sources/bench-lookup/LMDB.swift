import CLMDB
import Glibc

/// The peer: an LMDB file of customer id → list, read within one read-only transaction.
struct LMDB: ~Copyable {
  private var environment: OpaquePointer?
  private var transaction: OpaquePointer?
  private var database: MDB_dbi = 0

  /// Writes `keys` with the same value each and opens the file for reading.
  init(path: String, keys: [[UInt8]], value: [UInt8]) {
    check(mdb_env_create(&environment))
    check(mdb_env_set_mapsize(environment, 4 << 30))
    check(mdb_env_open(environment, path, UInt32(MDB_NOSUBDIR | MDB_NOSYNC), 0o600))
    var writing: OpaquePointer?
    check(mdb_txn_begin(environment, nil, 0, &writing))
    check(mdb_dbi_open(writing, nil, 0, &database))
    for key in keys {
      key.withUnsafeBytes { key in
        value.withUnsafeBytes { value in
          var k = MDB_val(mv_size: key.count, mv_data: UnsafeMutableRawPointer(mutating: key.baseAddress))
          var v = MDB_val(mv_size: value.count, mv_data: UnsafeMutableRawPointer(mutating: value.baseAddress))
          check(mdb_put(writing, database, &k, &v, 0))
        }
      }
    }
    check(mdb_txn_commit(writing))
    check(mdb_txn_begin(environment, nil, UInt32(MDB_RDONLY), &transaction))
  }

  deinit {
    mdb_txn_abort(transaction)
    mdb_env_close(environment)
  }

  /// The first four bytes of the value.
  @inline(__always)
  func firstWord(of key: UnsafeRawBufferPointer) -> UInt32 {
    var k = MDB_val(mv_size: key.count, mv_data: UnsafeMutableRawPointer(mutating: key.baseAddress))
    var v = MDB_val()
    check(mdb_get(transaction, database, &k, &v))
    return v.mv_data.loadUnaligned(as: UInt32.self)
  }
}

/// A benchmark has nobody to hand an error to.
@inline(__always)
private func check(_ code: Int32) {
  precondition(code == 0, String(cString: mdb_strerror(code)))
}
