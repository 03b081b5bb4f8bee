//! A node in memory: keeps blocks, checks nothing, fails when told to.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};

use bytes::Bytes;
use donjon_files::{Devices, Node};
use keep_protocol::client::{ClientError, PutBlock, Stored};
use keep_protocol::mounts::MountDescription;
use keep_rules::{BlockHash, Locator};
use md5::{Digest as _, Md5};

/// A node. A clone is the same node.
#[derive(Clone, Default)]
pub(crate) struct MemoryNode(Arc<Mutex<State>>);

#[derive(Default)]
struct State {
    blocks: BTreeMap<BlockHash, Vec<u8>>,
    is_down: bool,
    puts: u64,
    gets: u64,
    touched: Vec<BlockHash>,
    refuses_touch: bool,
    is_read_only: bool,
    hangs_up: bool,
    class: Option<String>,
    /// What it says of its devices; nothing said is no ids.
    devices: Option<Devices>,
}

impl MemoryNode {
    fn ask<T>(
        &self,
        answer: impl FnOnce(&mut State) -> Result<T, ClientError>,
    ) -> Result<T, ClientError> {
        let mut state = self.0.lock().unwrap();
        if state.is_down {
            return Err(ClientError::Unreachable {
                doing: "connecting failed".to_owned(),
                source: None,
            });
        }
        answer(&mut state)
    }

    pub(crate) fn set_down(&self, is_down: bool) {
        self.0.lock().unwrap().is_down = is_down;
    }

    /// It does not let us touch blocks, as without the admin token.
    pub(crate) fn refuse_touch(&self) {
        self.0.lock().unwrap().refuses_touch = true;
    }

    /// All its volumes can only be read.
    pub(crate) fn be_read_only(&self) {
        self.0.lock().unwrap().is_read_only = true;
    }

    /// It hangs up where it finds a block damaged, as nodes do with long ones.
    pub(crate) fn hang_up_at_damage(&self) {
        self.0.lock().unwrap().hangs_up = true;
    }

    /// The only storage class that it has.
    pub(crate) fn set_class(&self, class: &str) {
        self.0.lock().unwrap().class = Some(class.to_owned());
    }

    /// The device that it writes to.
    pub(crate) fn set_device(&self, device_id: &str) {
        let mount = MountDescription {
            medium: None,
            uuid: "zzzzz-nyw5e-000000000000000".to_owned(),
            device_id: device_id.to_owned(),
            allow_write: true,
            allow_trash: true,
            replication: 1,
            storage_classes: [("default".to_owned(), true)].into(),
        };
        self.0.lock().unwrap().devices = Some(Devices::of(&[mount]));
    }

    /// It does not say which devices it has.
    pub(crate) fn be_silent(&self) {
        self.0.lock().unwrap().devices = Some(Devices::Silent);
    }

    pub(crate) fn devices(&self) -> Devices {
        self.0.lock().unwrap().devices.clone().unwrap_or(Devices::NoIds)
    }

    pub(crate) fn hashes(&self) -> Vec<BlockHash> {
        self.0.lock().unwrap().blocks.keys().copied().collect()
    }

    /// The longest of its blocks.
    pub(crate) fn longest(&self) -> usize {
        self.0.lock().unwrap().blocks.values().map(Vec::len).max().unwrap_or(0)
    }

    pub(crate) fn forget(&self, hash: BlockHash) {
        self.0.lock().unwrap().blocks.remove(&hash);
    }

    pub(crate) fn damage(&self, hash: BlockHash) {
        self.0.lock().unwrap().blocks.get_mut(&hash).unwrap()[0] ^= 1;
    }

    pub(crate) fn puts(&self) -> u64 {
        self.0.lock().unwrap().puts
    }

    pub(crate) fn gets(&self) -> u64 {
        self.0.lock().unwrap().gets
    }

    pub(crate) fn touched(&self) -> Vec<BlockHash> {
        self.0.lock().unwrap().touched.clone()
    }
}

impl Node for MemoryNode {
    async fn put(
        &self,
        PutBlock { hash, classes, .. }: PutBlock<'_>,
        data: Bytes,
    ) -> Result<Stored, ClientError> {
        self.ask(|state| {
            if state.is_read_only {
                let status = http::StatusCode::INSUFFICIENT_STORAGE;
                return Err(ClientError::Refused { status, text: String::new() });
            }
            state.puts += 1;
            state.blocks.insert(hash, data.to_vec());
            let class = state.class.clone().unwrap_or_else(|| "default".to_owned());
            let classes = if classes.is_empty() { Vec::new() } else { vec![(class, 1)] };
            Ok(Stored {
                locator: hash.to_string().parse().unwrap(),
                replicas: 1,
                classes,
                on: Vec::new(),
            })
        })
    }

    async fn get(&self, locator: &Locator) -> Result<Vec<u8>, ClientError> {
        self.ask(|state| {
            state.gets += 1;
            let hash = locator.hash();
            let data = state.blocks.get(&hash).ok_or(ClientError::NotFound)?.clone();
            if BlockHash::from_bytes(Md5::digest(&data).into()) == hash {
                Ok(data)
            } else if state.hangs_up {
                Err(ClientError::Incomplete { what: "the block", received: 1, source: None })
            } else {
                Err(ClientError::Damaged { hash, detail: "its data hash to another".to_owned() })
            }
        })
    }

    async fn check(&self, locator: &Locator) -> Result<(), ClientError> {
        self.ask(|state| {
            let hash = locator.hash();
            let data = state.blocks.get(&hash).ok_or(ClientError::NotFound)?;
            if BlockHash::from_bytes(Md5::digest(data).into()) == hash {
                return Ok(());
            }
            Err(ClientError::Refused { status: http::StatusCode::BAD_GATEWAY, text: String::new() })
        })
    }

    async fn touch(&self, locator: &Locator) -> Result<(), ClientError> {
        self.ask(|state| {
            let hash = locator.hash();
            if state.is_read_only || !state.blocks.contains_key(&hash) {
                return Err(ClientError::NotFound);
            }
            if state.refuses_touch {
                let status = http::StatusCode::FORBIDDEN;
                return Err(ClientError::Refused { status, text: String::new() });
            }
            state.touched.push(hash);
            Ok(())
        })
    }
}
