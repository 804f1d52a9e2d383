import GRDB

/// The tables of a tenant's database, step by step.
///
/// Ids are interned to integer keys, which grow in the order in which ids were first seen. Customers, products and offers
/// are kept as every version's encoded message of the contract; events as columns. `sequence` counts the accepted rows of
/// these tables together. What rankers served is no row of a snapshot: it is kept by the id of the answer (`id`, 16 bytes;
/// `lower(hex(id))` is an event's `recommendation`), with what all answers of an arm share apart.
enum TenantSchema {
  static func migrator() -> DatabaseMigrator {
    var migrator = DatabaseMigrator()
    migrator.registerMigration("v1") { database in
      try database.execute(
        sql: """
          CREATE TABLE state (
            id INTEGER PRIMARY KEY CHECK (id = 1),
            applied INTEGER NOT NULL,
            sequence INTEGER NOT NULL,
            customers INTEGER NOT NULL,
            products INTEGER NOT NULL,
            offers INTEGER NOT NULL,
            events INTEGER NOT NULL,
            first_event_us INTEGER NOT NULL,
            last_event_us INTEGER NOT NULL,
            last_received_us INTEGER NOT NULL
          ) STRICT;
          INSERT INTO state VALUES (1, 0, 0, 0, 0, 0, 0, 0, 0, 0);

          CREATE TABLE event (
            sequence INTEGER PRIMARY KEY,
            received_us INTEGER NOT NULL,
            kind INTEGER NOT NULL,
            customer INTEGER NOT NULL,
            product INTEGER,
            offer INTEGER,
            occurred_us INTEGER NOT NULL,
            quantity INTEGER NOT NULL,
            currency TEXT,
            revenue INTEGER,
            margin INTEGER,
            rating REAL,
            channel INTEGER NOT NULL,
            salesperson TEXT,
            recommendation TEXT,
            query TEXT
          ) STRICT;
          CREATE TABLE event_id (id TEXT PRIMARY KEY, sequence INTEGER NOT NULL) STRICT, WITHOUT ROWID;
          """)
      for table in EntityTable.allCases {
        try database.execute(
          sql: """
            CREATE TABLE \(table) (key INTEGER PRIMARY KEY, id TEXT NOT NULL UNIQUE) STRICT;
            CREATE TABLE \(table)_version (
              key INTEGER NOT NULL,
              sequence INTEGER NOT NULL,
              received_us INTEGER NOT NULL,
              content BLOB NOT NULL,
              PRIMARY KEY (key, sequence)
            ) STRICT, WITHOUT ROWID;
            """)
      }
    }
    migrator.registerMigration("served") { database in
      try database.execute(
        sql: """
          ALTER TABLE state ADD COLUMN served INTEGER NOT NULL DEFAULT 0;

          CREATE TABLE served_source (
            key INTEGER PRIMARY KEY,
            model TEXT NOT NULL,
            bake TEXT NOT NULL,
            arm TEXT NOT NULL,
            propensity REAL NOT NULL,
            UNIQUE (model, bake, arm, propensity)
          ) STRICT;
          CREATE TABLE served (
            number INTEGER PRIMARY KEY,
            id BLOB NOT NULL UNIQUE,
            received_us INTEGER NOT NULL,
            served_us INTEGER NOT NULL,
            occurred_us INTEGER NOT NULL,
            customer INTEGER NOT NULL,
            source INTEGER NOT NULL,
            is_named INTEGER NOT NULL,
            is_attempt INTEGER NOT NULL,
            content BLOB NOT NULL
          ) STRICT;
          CREATE INDEX event_recommendation ON event (recommendation) WHERE recommendation IS NOT NULL;
          """)
    }
    migrator.registerMigration("content digest") { database in
      try database.execute(
        sql: """
          CREATE TABLE content_digest (id INTEGER PRIMARY KEY CHECK (id = 1), low INTEGER NOT NULL, high INTEGER NOT NULL) STRICT;
          INSERT INTO content_digest VALUES (1, 0, 0);
          """)
    }
    return migrator
  }
}

/// The tables whose rows have versions.
enum EntityTable: String, CaseIterable, CustomStringConvertible {
  case customer, product, offer

  /// Name of the table.
  var description: String { rawValue }
}
