//! Which list is current, and what was ordered about it: the file whose replacement is the one step that counts.

use std::collections::BTreeSet;
use std::io;
use std::path::Path;

use keep_protocol::status::ListName;
use keep_rules::BlockHash;

use crate::bytes::{Fields, put_optional_u64};
use crate::checksum::{seal, unseal};
use crate::error::StoreError;
use crate::layout::list_code;
use crate::standing::Standing;

const MAGIC: [u8; 8] = *b"DNJSTATE";
/// The newest that is read.
const VERSION: u16 = 2;
/// What is written, so that an older program reads it too, unless it holds what came with [`VERSION`].
const VERSION_AT_FIRST: u16 = 1;

/// What is known of a list's past, and which list is stored now.
///
/// Invariant: the generation and the epoch only grow.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct State {
    /// Of the last list; 0 if there was none.
    pub(crate) generation: u64,
    /// The highest so far.
    pub(crate) epoch: Option<u64>,
    pub(crate) current: Option<Current>,
}

/// The stored list.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Current {
    pub(crate) generation: u64,
    pub(crate) standing: Standing,
    /// Blocks that an operator took off the list.
    pub(crate) removed: BTreeSet<BlockHash>,
}

impl State {
    /// Reads the file. `None` if there is none.
    pub(crate) fn read(path: &Path, list: ListName) -> Result<Option<State>, StoreError> {
        let bytes = match std::fs::read(path) {
            Ok(bytes) => bytes,
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
            Err(error) => return Err(StoreError::failed("read", path, error)),
        };
        let whole = 0..bytes.len() as u64;
        let damaged = |what| StoreError::damaged(path, whole.clone(), what);
        let mut fields = Fields(&bytes);
        if fields.array() != Some(MAGIC) {
            return Err(damaged("it does not begin as a state does"));
        }
        match fields.u16() {
            Some(found) if found > VERSION => {
                return Err(StoreError::Version { path: path.to_owned(), found, known: VERSION });
            }
            _ => {}
        }
        let contents = unseal(&bytes).ok_or_else(|| damaged("its checksum is wrong"))?;
        match State::decode(contents, list) {
            Some(state) => Ok(Some(state)),
            None => Err(damaged("it is not the state of this list")),
        }
    }

    pub(crate) fn encode(&self, list: ListName) -> Vec<u8> {
        let mut bytes = MAGIC.to_vec();
        bytes.extend_from_slice(&self.version().to_le_bytes());
        bytes.push(list_code(list));
        bytes.extend_from_slice(&self.generation.to_le_bytes());
        put_optional_u64(&mut bytes, self.epoch);
        put_optional_u64(&mut bytes, self.current.as_ref().map(|current| current.generation));
        if let Some(current) = &self.current {
            current.standing.put(&mut bytes);
            let hashes = current.removed.iter().flat_map(BlockHash::as_bytes);
            bytes.extend(hashes);
        }
        seal(&mut bytes);
        bytes
    }

    /// The oldest version that has words for this.
    fn version(&self) -> u16 {
        match self.current.as_ref().map(|current| &current.standing) {
            Some(Standing::HeldAfterAbsence(_)) => VERSION,
            Some(Standing::Open | Standing::Held(_) | Standing::Released | Standing::Cancelled)
            | None => VERSION_AT_FIRST,
        }
    }

    fn decode(contents: &[u8], list: ListName) -> Option<State> {
        let mut fields = Fields(contents);
        let known =
            fields.array()? == MAGIC && (VERSION_AT_FIRST..=VERSION).contains(&fields.u16()?);
        let ours = fields.u8()? == list_code(list);
        let (generation, epoch) = (fields.u64()?, fields.optional_u64()?);
        let current = match fields.optional_u64()? {
            Some(generation) => {
                let standing = Standing::get(&mut fields)?;
                let (hashes, rest) = fields.rest().as_chunks();
                let removed = hashes.iter().copied().map(BlockHash::from_bytes).collect();
                rest.is_empty().then_some(Current { generation, standing, removed }).map(Some)?
            }
            None => fields.rest().is_empty().then_some(None)?,
        };
        (known && ours).then_some(State { generation, epoch, current })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::receipt::Text;

    fn states() -> [State; 4] {
        let removed = [[1; 16], [2; 16]].map(BlockHash::from_bytes).into();
        let held = Current { generation: 7, standing: Standing::Held(Text::from("why")), removed };
        let open = Current { generation: 8, standing: Standing::Open, removed: BTreeSet::new() };
        let standing = Standing::HeldAfterAbsence(Text::from("why"));
        let away = Current { generation: 8, standing, removed: BTreeSet::new() };
        [
            State::default(),
            State { generation: 8, epoch: Some(1), current: Some(away) },
            State { generation: 9, epoch: Some(3), current: Some(held) },
            State { generation: 8, epoch: None, current: Some(open) },
        ]
    }

    #[test]
    fn states_come_back() {
        for state in states() {
            let bytes = state.encode(ListName::Pull);
            let contents = unseal(&bytes).unwrap();
            assert_eq!(State::decode(contents, ListName::Pull), Some(state.clone()));
            assert_eq!(State::decode(contents, ListName::Trash), None, "of the other list");
        }
    }

    /// States that an older program has written, or that are written for one.
    #[test]
    fn only_a_hold_after_an_absence_needs_the_second_version() {
        for state in states() {
            let standing = state.current.as_ref().map(|current| current.standing.clone());
            let away = matches!(standing, Some(Standing::HeldAfterAbsence(_)));
            let version =
                u16::from_le_bytes(*state.encode(ListName::Trash)[8..].first_chunk().unwrap());
            assert_eq!(version, if away { 2 } else { 1 }, "{state:?}");
        }
    }

    #[test]
    fn a_state_that_goes_on_is_none() {
        for state in states() {
            let mut contents = unseal(&state.encode(ListName::Trash)).unwrap().to_vec();
            contents.push(0);
            assert_eq!(State::decode(&contents, ListName::Trash), None);
        }
    }
}
