//! Two plans, side by side.

use std::cmp::Ordering;
use std::collections::BTreeMap;

use keep_rules::{BlockHash, Timestamp};

use crate::plan::entry::{Entry, Fate};
use crate::plan::error::PlanError;
use crate::plan::header::Header;
use crate::plan::reader::PlanReader;
use crate::plan::slug::Slug;

/// Compares two plans block by block, ascending by hash, in constant memory.
///
/// Mounts and servers are compared by their names, wherever the two headers have them. The order among entries of a list is
/// not compared: it is another in each run.
#[derive(Debug)]
pub struct Diff {
    a: Side,
    b: Side,
    unchanged: u64,
}

/// A block of which two plans do not say the same.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Difference {
    /// Only the first plan has it.
    OnlyInA(Entry),
    /// Only the second plan has it.
    OnlyInB(Entry),
    /// Both have it, and say other things.
    Changed {
        /// What the first plan says, with the places of its own header.
        a: Entry,
        /// What the second plan says, with the places of its own header.
        b: Entry,
    },
}

#[derive(Debug)]
struct Side {
    reader: PlanReader,
    ahead: Option<Entry>,
    /// Places of the header as numbers that both sides share.
    servers: Vec<usize>,
    mounts: Vec<usize>,
}

impl Diff {
    /// Compares two plans of which nothing but the headers was read yet.
    ///
    /// # Errors
    /// [`PlanError::Damaged`] and [`PlanError::Io`].
    pub fn new(a: PlanReader, b: PlanReader) -> Result<Self, PlanError> {
        let mut names = BTreeMap::new();
        let a = Side::new(a, &mut names)?;
        let b = Side::new(b, &mut names)?;
        Ok(Diff { a, b, unchanged: 0 })
    }

    /// The next block in which they differ. After `None` both plans were read to the end and found right, so what was said
    /// of them is to be believed.
    ///
    /// # Errors
    /// [`PlanError::Damaged`] with the plan, the line and the byte; [`PlanError::Io`]. Further calls are
    /// [`PlanError::Failed`].
    pub fn next_difference(&mut self) -> Result<Option<Difference>, PlanError> {
        loop {
            let order = match (self.a.hash()?, self.b.hash()?) {
                (None, None) => return Ok(None),
                (Some(_), None) => Ordering::Less,
                (None, Some(_)) => Ordering::Greater,
                (Some(a), Some(b)) => a.cmp(&b),
            };
            let a = if order.is_le() { self.a.take()? } else { None };
            let b = if order.is_ge() { self.b.take()? } else { None };
            match (a, b) {
                (Some(a), Some(b)) if self.a.meaning(&a) == self.b.meaning(&b) => {
                    self.unchanged += 1;
                }
                (Some(a), Some(b)) => return Ok(Some(Difference::Changed { a, b })),
                (Some(a), None) => return Ok(Some(Difference::OnlyInA(a))),
                (None, Some(b)) => return Ok(Some(Difference::OnlyInB(b))),
                (None, None) => return Ok(None),
            }
        }
    }

    /// Blocks of which both said the same so far.
    pub fn unchanged(&self) -> u64 {
        self.unchanged
    }

    /// The headers of both plans, which have the names.
    pub fn headers(&self) -> (&Header, &Header) {
        (self.a.reader.header(), self.b.reader.header())
    }
}

impl Side {
    fn new(
        mut reader: PlanReader,
        names: &mut BTreeMap<(String, String), usize>,
    ) -> Result<Self, PlanError> {
        let header = reader.header().clone();
        let mut number = |mount: &str, server: u16| {
            let server = header.servers[usize::from(server)].uuid.clone();
            let next = names.len();
            *names.entry((mount.to_owned(), server)).or_insert(next)
        };
        // A server is what is named with no mount.
        let servers = (0_u16..=u16::MAX).zip(&header.servers);
        let servers = servers.map(|(place, _)| number("", place)).collect();
        let mounts = header.mounts.iter().map(|mount| number(&mount.uuid, mount.server)).collect();
        let ahead = reader.next_entry()?;
        Ok(Side { reader, ahead, servers, mounts })
    }

    /// The next block; none at the end of the plan.
    fn hash(&mut self) -> Result<Option<BlockHash>, PlanError> {
        if self.ahead.is_none() {
            // A reader that failed has nothing ahead either: it says so again.
            self.ahead = self.reader.next_entry()?;
        }
        Ok(self.ahead.as_ref().map(|entry| entry.block.hash))
    }

    fn take(&mut self) -> Result<Option<Entry>, PlanError> {
        let taken = self.ahead.take();
        self.ahead = self.reader.next_entry()?;
        Ok(taken)
    }

    /// What an entry says, in numbers that both sides share.
    fn meaning<'e>(&self, entry: &'e Entry) -> Meaning<'e> {
        let mount = |place: u16| self.mounts[usize::from(place)];
        let mut replicas: Vec<_> = entry
            .replicas
            .iter()
            .map(|replica| {
                let fate = match &replica.fate {
                    Fate::Keep { reason } => ("keep", reason),
                    Fate::Trash { reason, .. } => ("trash", reason),
                };
                (mount(replica.mount), replica.mtime, replica.size, replica.doomed, fate)
            })
            .collect();
        replicas.sort_unstable();
        let from = |place: &u16| self.servers[usize::from(*place)];
        let mut pulls: Vec<_> = entry
            .pulls
            .iter()
            .map(|pull| (mount(pull.to), pull.from.iter().map(from).collect(), &pull.reason))
            .collect();
        pulls.sort_unstable();
        Meaning {
            size: entry.block.size,
            wanted: &entry.wanted,
            replicas,
            pulls,
            lost: &entry.lost,
            report: &entry.report,
        }
    }
}

/// Mount, mtime, size, whether it is doomed, and its fate with the reason.
type ReplicaMeaning<'e> = (usize, Timestamp, Option<u32>, bool, (&'static str, &'e Slug));

/// What is compared.
#[derive(PartialEq)]
struct Meaning<'e> {
    size: u32,
    wanted: &'e BTreeMap<String, u32>,
    replicas: Vec<ReplicaMeaning<'e>>,
    pulls: Vec<(usize, Vec<usize>, &'e Slug)>,
    lost: &'e Option<Slug>,
    report: &'e [Slug],
}
