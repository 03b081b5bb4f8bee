//! What is written is read.

use std::fs;
use std::os::unix::fs::PermissionsExt;

use donjon_balance::plan::{
    Batch, Entry, Fate, Footer, PlanFile, PlanReader, PlanWriter, Sha256Digest, Verification, Work,
};
use proptest::prelude::*;
use sha2::{Digest, Sha256};

use crate::given::{
    considered, entries, entry, hash, header, plan, quick_directory, read, statistics,
};

/// The last line, counted by hand.
fn footer(entries: &[Entry]) -> Footer {
    let servers_of_mounts = [0_usize, 0, 1, 1, 2, 2];
    let mut servers = vec![Work::default(); 3];
    let mut work = Work::default();
    for entry in entries {
        let size = u64::from(entry.block.size);
        for replica in &entry.replicas {
            if let Fate::Trash { .. } = replica.fate {
                let server = &mut servers[servers_of_mounts[usize::from(replica.mount)]];
                for work in [&mut work, server] {
                    work.trashes += 1;
                    work.trash_bytes += size;
                }
            }
        }
        for pull in &entry.pulls {
            let server = &mut servers[servers_of_mounts[usize::from(pull.to)]];
            for work in [&mut work, server] {
                work.pulls += 1;
                work.pull_bytes += size;
            }
        }
    }
    Footer {
        entries: entries.len() as u64,
        lost: entries.iter().filter(|entry| entry.lost.is_some()).count() as u64,
        work,
        servers,
        considered: considered(),
        statistics: statistics(),
    }
}

proptest! {
    #[test]
    fn a_plan_reads_as_it_was_written(entries in entries(40), batches in 1_usize..5) {
        let directory = quick_directory();
        let path = directory.path().join("plan.jsonl");
        let mut writer = PlanWriter::create(&path, header()).unwrap();
        for part in entries.chunks(entries.len() / batches + 1) {
            let mut batch = Batch::new(writer.header());
            part.iter().for_each(|entry| batch.push(entry).unwrap());
            writer.append(&batch).unwrap();
        }
        let digest = writer.finish(considered(), statistics()).unwrap();

        let mut reader = PlanReader::open(&path).unwrap();
        prop_assert_eq!(&**reader.header(), &header());
        for expected in &entries {
            prop_assert!(reader.footer().is_none());
            prop_assert_eq!(reader.next_entry().unwrap(), Some(expected.clone()));
        }
        prop_assert_eq!(reader.next_entry().unwrap(), None);
        prop_assert_eq!(reader.next_entry().unwrap(), None);
        prop_assert_eq!(reader.footer(), Some(&footer(&entries)));
        prop_assert_eq!(reader.digest(), Some(digest));

        let mut file = PlanFile::open(&path).unwrap();
        prop_assert_eq!(file.footer(), &footer(&entries));
        prop_assert_eq!(file.digest(), digest);
        prop_assert_eq!(file.verification(), Verification::Ends);
        file.verify().unwrap();
        prop_assert_eq!(file.verification(), Verification::Whole);
    }
}

/// As `docs/plan-file.md` says: `head -c -67 plan.jsonl | sha256sum`.
#[test]
fn the_digest_is_of_every_byte_before_it() {
    let given = plan(header(), &[entry(hash(1))]);
    let bytes = fs::read(&given.path).unwrap();
    let (covered, seal) = bytes.split_at(bytes.len() - 67);
    assert_eq!(Sha256Digest(Sha256::digest(covered).into()), given.digest);
    assert_eq!(seal, format!("{}\"}}\n", given.digest).as_bytes());
}

#[test]
fn the_same_entries_make_the_same_plan() {
    let entries = [entry(hash(1)), entry(hash(2))];
    let mut entries = entries.to_vec();
    entries.sort_by_key(|entry| entry.block.hash);
    assert_eq!(plan(header(), &entries).digest, plan(header(), &entries).digest);
}

#[test]
fn a_plan_is_for_its_group_to_read() {
    let given = plan(header(), &[]);
    assert_eq!(fs::metadata(&given.path).unwrap().permissions().mode() & 0o777, 0o640);
}

#[test]
fn an_empty_plan_is_a_plan() {
    assert_eq!(read(&plan(header(), &[]).path).unwrap(), []);
}
