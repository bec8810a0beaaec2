use rusqlite::{Connection, OptionalExtension, TransactionBehavior, params};

use crate::Error;

/// One step forward: SQL that is run once, in a transaction with its set.
#[derive(Debug, Clone, Copy)]
pub struct Migration {
    /// 1, 2, 3 ... without holes.
    pub number: u32,
    /// What it does, in a few words.
    pub name: &'static str,
    /// The statements.
    pub sql: &'static str,
    /// What is done after them, in the same transaction, where SQL alone cannot.
    pub then: Option<fn(&Connection) -> rusqlite::Result<()>>,
}

/// The migrations of one crate's tables.
#[derive(Debug, Clone, Copy)]
pub struct MigrationSet {
    /// Whose tables; never changes.
    pub name: &'static str,
    /// In order of their numbers.
    pub migrations: &'static [Migration],
}

/// Applies what is not applied yet: all of it, or nothing.
pub(crate) fn apply(connection: &mut Connection, sets: &[MigrationSet]) -> Result<(), Error> {
    let transaction = connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
    transaction.execute_batch(
        "CREATE TABLE IF NOT EXISTS migrations (
            owner TEXT NOT NULL, number INTEGER NOT NULL, name TEXT NOT NULL,
            applied_at TEXT NOT NULL DEFAULT (strftime('%Y-%m-%dT%H:%M:%fZ')),
            PRIMARY KEY (owner, number)
        ) STRICT, WITHOUT ROWID",
    )?;
    for set in sets {
        let newest: Option<u32> = transaction
            .query_row("SELECT max(number) FROM migrations WHERE owner = ?", [set.name], |row| row.get(0))
            .optional()?
            .flatten();
        let known = set.migrations.last().map_or(0, |last| last.number);
        if let Some(number) = newest.filter(|&number| number > known) {
            return Err(Error::TooNew { set: set.name.to_owned(), number });
        }
        for step in set.migrations.iter().filter(|step| step.number > newest.unwrap_or(0)) {
            transaction.execute_batch(step.sql)?;
            if let Some(then) = step.then {
                then(&transaction)?;
            }
            transaction.execute(
                "INSERT INTO migrations (owner, number, name) VALUES (?, ?, ?)",
                params![set.name, step.number, step.name],
            )?;
            tracing::info!(set = set.name, number = step.number, name = step.name, "migrated");
        }
    }
    transaction.commit()?;
    Ok(())
}
