import GRDB

/// The tables of control's database, as named migrations in order.
enum ControlSchema {
  static var migrator: DatabaseMigrator {
    var migrator = DatabaseMigrator()
    migrator.registerMigration("tenants, nights, versions, journal") { db in
      try db.execute(
        sql: """
          CREATE TABLE meta (name TEXT PRIMARY KEY, value INTEGER NOT NULL) STRICT, WITHOUT ROWID;
          CREATE TABLE tenants (
            id TEXT PRIMARY KEY, name TEXT NOT NULL, mode INTEGER NOT NULL, generation INTEGER NOT NULL,
            created_at INTEGER NOT NULL, horizon_days INTEGER NOT NULL, needs_approval INTEGER NOT NULL,
            live_bake TEXT, hold INTEGER NOT NULL, models INTEGER NOT NULL, bakes INTEGER NOT NULL,
            revision INTEGER NOT NULL) STRICT, WITHOUT ROWID;
          CREATE INDEX tenants_by_revision ON tenants (revision);
          CREATE TABLE nights (
            id INTEGER PRIMARY KEY, as_of INTEGER NOT NULL, started_at INTEGER NOT NULL, finished_at INTEGER) STRICT;
          CREATE TABLE work (
            night INTEGER NOT NULL REFERENCES nights, tenant TEXT NOT NULL REFERENCES tenants, state INTEGER NOT NULL,
            kind INTEGER NOT NULL, attempts INTEGER NOT NULL, trainer TEXT, fence_epoch INTEGER, fence_number INTEGER,
            champion TEXT, watermark INTEGER, failure TEXT, evaluation BLOB, orders BLOB, live_bake TEXT,
            completion BLOB, activated_bake TEXT, PRIMARY KEY (night, tenant)) STRICT, WITHOUT ROWID;
          CREATE INDEX work_by_state ON work (state);
          CREATE INDEX work_by_tenant ON work (tenant, state);
          CREATE TABLE versions (
            tenant TEXT NOT NULL REFERENCES tenants, ordinal INTEGER NOT NULL, bake TEXT NOT NULL, model TEXT NOT NULL,
            recipe TEXT NOT NULL, digest TEXT NOT NULL, state INTEGER NOT NULL, as_of INTEGER NOT NULL,
            created_at INTEGER NOT NULL, night INTEGER NOT NULL, customers INTEGER NOT NULL,
            candidates INTEGER NOT NULL, data_floor INTEGER NOT NULL,
            PRIMARY KEY (tenant, ordinal), UNIQUE (tenant, bake)) STRICT, WITHOUT ROWID;
          CREATE TABLE decisions (
            tenant TEXT NOT NULL, at INTEGER NOT NULL, entry INTEGER NOT NULL, mode INTEGER NOT NULL, bake TEXT,
            digest TEXT, PRIMARY KEY (tenant, entry)) STRICT, WITHOUT ROWID;
          CREATE TABLE serving (
            tenant TEXT NOT NULL, ranker TEXT NOT NULL, number INTEGER NOT NULL, at INTEGER NOT NULL,
            state INTEGER NOT NULL, bake TEXT NOT NULL, digest TEXT NOT NULL, reason TEXT NOT NULL,
            PRIMARY KEY (tenant, ranker, number)) STRICT, WITHOUT ROWID;
          CREATE TABLE journal (
            number INTEGER PRIMARY KEY, at INTEGER NOT NULL, actor TEXT NOT NULL, kind TEXT NOT NULL,
            tenant TEXT NOT NULL, reason TEXT NOT NULL, detail TEXT NOT NULL, hash BLOB NOT NULL) STRICT;
          CREATE INDEX journal_by_tenant ON journal (tenant, number);
          CREATE TABLE journal_end (number INTEGER NOT NULL, hash BLOB NOT NULL) STRICT;
          INSERT INTO journal_end VALUES (0, x'');
          CREATE TRIGGER journal_has_no_gaps BEFORE INSERT ON journal
            WHEN new.number <> (SELECT number + 1 FROM journal_end)
            BEGIN SELECT RAISE(ABORT, 'the journal is append-only'); END;
          CREATE TRIGGER journal_is_append_only BEFORE UPDATE ON journal
            BEGIN SELECT RAISE(ABORT, 'the journal is append-only'); END;
          CREATE TRIGGER journal_keeps_all BEFORE DELETE ON journal
            BEGIN SELECT RAISE(ABORT, 'the journal is append-only'); END;
          """)
    }
    migrator.registerMigration("answers to changes with an idempotency key") { db in
      try db.execute(
        sql: """
          CREATE TABLE answers (
            caller TEXT NOT NULL, key TEXT NOT NULL, number INTEGER NOT NULL, method TEXT NOT NULL,
            at INTEGER NOT NULL, answer BLOB NOT NULL, PRIMARY KEY (caller, key)) STRICT, WITHOUT ROWID;
          CREATE UNIQUE INDEX answers_by_number ON answers (caller, number);
          CREATE INDEX answers_by_time ON answers (at);
          """)
    }
    migrator.registerMigration("overlays") { db in
      try db.execute(
        sql: """
          CREATE TABLE overlays (
            tenant TEXT PRIMARY KEY REFERENCES tenants, revision INTEGER NOT NULL, digest TEXT NOT NULL,
            content BLOB NOT NULL) STRICT, WITHOUT ROWID;
          """)
    }
    migrator.registerMigration("repurchase") { db in
      try db.execute(sql: "ALTER TABLE tenants ADD COLUMN repurchase INTEGER NOT NULL DEFAULT 0")
    }
    migrator.registerMigration("the fleet: sizes, deadlines, retries, quarantine, what was trained") { db in
      try db.execute(
        sql: """
          ALTER TABLE tenants ADD COLUMN time_zone TEXT NOT NULL DEFAULT 'UTC';
          ALTER TABLE nights ADD COLUMN retrains_unchanged INTEGER NOT NULL DEFAULT 0;
          ALTER TABLE work ADD COLUMN deadline INTEGER NOT NULL DEFAULT 9223372036854775807;
          ALTER TABLE work ADD COLUMN ready_at INTEGER NOT NULL DEFAULT 0;
          ALTER TABLE work ADD COLUMN closed_at INTEGER;
          ALTER TABLE work ADD COLUMN customers INTEGER;
          ALTER TABLE work ADD COLUMN products INTEGER;
          ALTER TABLE work ADD COLUMN events INTEGER;
          ALTER TABLE work ADD COLUMN size INTEGER;
          ALTER TABLE work ADD COLUMN memory INTEGER NOT NULL DEFAULT 0;
          ALTER TABLE work ADD COLUMN content TEXT;
          -- The states that the conditions name are waiting (1) and leased (2).
          DROP INDEX work_by_state;
          CREATE INDEX work_to_lease ON work (deadline, size DESC, tenant) WHERE state = 1;
          CREATE INDEX work_to_measure ON work (tenant) WHERE state = 1 AND size IS NULL;
          CREATE INDEX work_leased ON work (tenant) WHERE state = 2;
          CREATE INDEX work_open ON work (deadline) WHERE state IN (1, 2);
          CREATE INDEX work_of_night ON work (night, state, size, closed_at, memory, ready_at, deadline);
          CREATE INDEX work_by_fence ON work (fence_number, fence_epoch);
          CREATE TABLE track (
            tenant TEXT PRIMARY KEY REFERENCES tenants, customers INTEGER, products INTEGER, events INTEGER,
            failures INTEGER NOT NULL DEFAULT 0, failure TEXT NOT NULL DEFAULT '', failed_night INTEGER NOT NULL DEFAULT 0,
            quarantined_at INTEGER, judged_content TEXT, bake TEXT, generation INTEGER,
            availability_changes INTEGER) STRICT, WITHOUT ROWID;
          """)
    }
    return migrator
  }
}
