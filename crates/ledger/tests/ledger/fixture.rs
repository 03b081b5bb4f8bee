//! A ledger of a few small files, and ways to spoil it.

use std::fs;
use std::path::{Path, PathBuf};
use std::time::Duration;

use keep_rules::{BlockHash, Timestamp};
use ledger::{
    ChainValue, Entry, Filter, Ledger, ListId, Opened, Operation, Outcome, Record, Report, Rotation,
};

pub(crate) const NODE: &str = "keep0.example";
pub(crate) const T0: Timestamp = Timestamp::from_seconds(1_800_000_000);
/// Two records a file.
pub(crate) const SMALL: Rotation = Rotation { size: 700, age: None };
pub(crate) const NO_ROTATION: Rotation = Rotation { size: u64::MAX, age: None };

pub(crate) fn record(number: u64) -> Record {
    let time = T0.after(Duration::from_secs(number));
    let mut digest = [7; 16];
    digest[8..].copy_from_slice(&number.to_be_bytes());
    let operation = Operation::ALL[usize::try_from(number % 4).unwrap()];
    Record {
        size: Some(number),
        mtime: Some(T0),
        mount: Some("zzzzz-nyw5e-000000000000000".parse().unwrap()),
        list: Some(ListId(number / 10)),
        ..Record::new(time, operation, BlockHash::from_bytes(digest), Outcome::Done)
    }
}

/// A directory, gone when this is dropped.
pub(crate) struct Dir(tempfile::TempDir);

impl Dir {
    pub(crate) fn new() -> Self {
        Dir(tempfile::tempdir().unwrap())
    }

    /// With the records 1 to `count`.
    pub(crate) fn with(rotation: Rotation, count: u64) -> Self {
        let dir = Dir::new();
        dir.append(rotation, &(1..=count).map(record).collect::<Vec<_>>());
        dir
    }

    pub(crate) fn path(&self) -> &Path {
        self.0.path()
    }

    pub(crate) fn open(&self, rotation: Rotation) -> (Ledger, Opened) {
        Ledger::open_rotating(self.path(), NODE, rotation, T0).unwrap()
    }

    /// Opens it, appends, and returns what was found at its end.
    pub(crate) fn append(&self, rotation: Rotation, records: &[Record]) -> Opened {
        let (ledger, opened) = self.open(rotation);
        for record in records {
            ledger.append(record).unwrap();
        }
        opened
    }

    pub(crate) fn entries(&self) -> Vec<Entry> {
        ledger::read(self.path(), Filter::default()).unwrap().map(Result::unwrap).collect()
    }

    pub(crate) fn records(&self) -> Vec<Record> {
        self.entries().into_iter().map(|entry| entry.record).collect()
    }

    pub(crate) fn verify(&self) -> Report {
        ledger::verify(self.path(), None).unwrap()
    }

    pub(crate) fn verify_up_to(&self, head: ChainValue) -> Report {
        ledger::verify(self.path(), Some(head)).unwrap()
    }

    /// Every file of the ledger, the oldest first.
    pub(crate) fn files(&self) -> Vec<PathBuf> {
        let entries = fs::read_dir(self.path()).unwrap().map(|entry| entry.unwrap().path());
        let mut files: Vec<_> =
            entries.filter(|path| path.extension().is_some_and(|end| end == "jsonl")).collect();
        files.sort();
        files
    }

    pub(crate) fn last_file(&self) -> PathBuf {
        self.files().pop().unwrap()
    }

    /// Writes a file anew, as `change` says.
    pub(crate) fn change(file: &Path, change: impl FnOnce(&mut Vec<u8>)) {
        let mut content = fs::read(file).unwrap();
        change(&mut content);
        fs::write(file, content).unwrap();
    }

    /// All lines of all files, each with its newline.
    pub(crate) fn lines(&self) -> Vec<Vec<Vec<u8>>> {
        let split = |file: PathBuf| {
            let content = fs::read(file).unwrap();
            content.split_inclusive(|byte| *byte == b'\n').map(<[u8]>::to_vec).collect()
        };
        self.files().into_iter().map(split).collect()
    }

    /// Writes all files anew.
    pub(crate) fn set_lines(&self, lines: &[Vec<Vec<u8>>]) {
        for (file, lines) in self.files().iter().zip(lines) {
            fs::write(file, lines.concat()).unwrap();
        }
    }
}
