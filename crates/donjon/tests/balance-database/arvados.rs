//! Nodes, and a database that says what is kept on them.

use std::process::{Child, Stdio};

use serde_json::json;
use testkit::postgres::{ArvadosDatabase, PASSWORD, PORT, PostgresServer, USER};

use crate::cluster::{Block, Cluster};
use crate::program::command;

/// The uuid of the collection with this number.
pub(crate) fn uuid(number: u32) -> String {
    format!("zzzzz-4zz18-{number:015}")
}

/// A cluster with a database.
pub(crate) struct Arvados {
    pub(crate) cluster: Cluster,
    pub(crate) database: ArvadosDatabase,
}

impl Arvados {
    /// So many nodes, and no collection. No brake holds a run.
    pub(crate) fn start(nodes: usize) -> Arvados {
        let database = ArvadosDatabase::new();
        let connection = json!({"Connection": {
            "host": PostgresServer::shared().host(),
            "port": PORT.to_string(),
            "user": USER,
            "password": PASSWORD,
            "dbname": database.name(),
        }});
        let brakes = json!({"MaxTrashPercent": 100, "MaxDropPercent": 100});
        Arvados { cluster: Cluster::start_with(nodes, brakes, connection), database }
    }

    /// One node with a block that a row names, and one that nobody names.
    pub(crate) fn with_garbage() -> (Arvados, Block) {
        let arvados = Arvados::start(1);
        let (wanted, garbage) = (Block::new("wanted"), Block::new("garbage"));
        arvados.cluster.plant(0, &[wanted.clone(), garbage.clone()]);
        arvados.insert(1, &[wanted], 1);
        (arvados, garbage)
    }

    /// A row of yesterday that names these blocks and wants so many copies of them.
    pub(crate) fn insert(&self, number: u32, blocks: &[Block], copies: u32) {
        let locators: Vec<String> = blocks.iter().map(Block::locator).collect();
        let sizes = locators.iter().map(|locator| locator.split_once('+').unwrap().1);
        let bytes: usize = sizes.map(|size| size.parse::<usize>().unwrap()).sum();
        let manifest = match blocks {
            [] => String::new(),
            _ => format!(". {} 0:{bytes}:file\n", locators.join(" ")),
        };
        let uuid = uuid(number);
        self.database.sql(&format!(
            "INSERT INTO collections (uuid, manifest_text, portable_data_hash, modified_at, replication_desired)
             SELECT '{uuid}', text, md5(text) || '+' || length(text), now() AT TIME ZONE 'UTC' - interval '1 day', {copies}
             FROM (VALUES ('{manifest}')) AS manifest(text)"
        ));
    }

    /// Changes a row, and not its time.
    pub(crate) fn update(&self, number: u32, assignments: &str) {
        let uuid = uuid(number);
        self.database.sql(&format!("UPDATE collections SET {assignments} WHERE uuid = '{uuid}'"));
    }

    /// Begins `balance once`; its standard error can be read while it runs.
    pub(crate) fn begin_once(&self) -> Child {
        command(&["balance", "once", "--config", &self.cluster.arg("config.yml")])
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap()
    }

    /// A run that must fail and say this, and send nothing.
    #[track_caller]
    pub(crate) fn nothing_is_sent(&self, garbage: &Block, expected: &[&str]) {
        let ran = self.cluster.balance(&["once"]).ends_with(1);
        for expected in expected {
            assert!(ran.stderr.contains(expected), "{}", ran.stderr);
        }
        self.nothing_was_sent(garbage);
    }

    #[track_caller]
    pub(crate) fn nothing_was_sent(&self, garbage: &Block) {
        let received = &self.cluster.list_status(0, "trash")["received"];
        assert_eq!(received, 0, "nothing but an empty list came");
        assert_eq!(self.cluster.copies(garbage), 1);
    }
}
