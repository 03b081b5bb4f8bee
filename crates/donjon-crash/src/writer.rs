//! The clients' part: put, get, touch, delete and untrash, each on blocks of its own.

use crate::block::Block;
use crate::clock;
use crate::fault::Fault;
use crate::random::Random;
use crate::run::{Presence, Run, Stop, judge_absence, judge_read, unexpected};
use crate::wire::Client;

/// What a writer does next.
#[derive(Clone, Copy, Debug)]
enum Act {
    Put,
    Get,
    Touch,
    Delete,
    Untrash,
}

/// How often each act is chosen, of a hundred.
const ACTS: [(Act, u64); 5] =
    [(Act::Put, 45), (Act::Get, 25), (Act::Touch, 15), (Act::Delete, 5), (Act::Untrash, 10)];
/// So many of a hundred acts go to the hot blocks; the others have time to grow old.
const HOT_PERCENT: u64 = 80;
/// One block in so many is hot.
const HOT_SHARE: u64 = 10;

/// How often a `PUT` is tried.
const PUT_ATTEMPTS: u32 = 3;

/// What the writers did, for the report.
#[derive(Clone, Copy, Debug, Default)]
pub struct Written {
    /// `PUT`s that were acknowledged.
    pub puts: u64,
    /// `PUT`s that were refused with 503 and had to be sent again.
    pub refusals: u64,
    /// `TOUCH`es that were acknowledged.
    pub touches: u64,
    /// Untrashes that brought a block back.
    pub untrashes: u64,
    /// `GET`s that gave the right data.
    pub reads: u64,
    /// Requests that found a block absent, with good reason.
    pub absences: u64,
}

impl Written {
    /// Adds what another thread or lane did.
    pub(crate) const fn add(&mut self, more: Self) {
        self.puts += more.puts;
        self.refusals += more.refusals;
        self.touches += more.touches;
        self.untrashes += more.untrashes;
        self.reads += more.reads;
        self.absences += more.absences;
    }
}

/// Works until the node is killed. Acts on one block come one after the other; writers share no blocks.
pub(crate) fn work(
    run: &Run<'_>,
    mut client: Client,
    blocks: &[&Block],
    mut random: Random,
) -> (Written, Stop) {
    let mut written = Written::default();
    loop {
        let block = choose_block(blocks, &mut random);
        let act = choose_act(&mut random);
        if let Err(stop) = carry_out(act, run, &mut client, block, &mut written) {
            return (written, stop);
        }
        if run.is_over() {
            return (written, Stop::Killed);
        }
    }
}

fn choose_block<'a>(blocks: &[&'a Block], random: &mut Random) -> &'a Block {
    let hot = blocks.len().div_ceil(usize::try_from(HOT_SHARE).expect("a small number"));
    let choices = if random.percent(HOT_PERCENT) { &blocks[..hot] } else { blocks };
    random.pick::<&Block>(choices)
}

fn choose_act(random: &mut Random) -> Act {
    let mut chosen = random.below(100);
    for (act, weight) in ACTS {
        match chosen.checked_sub(weight) {
            Some(rest) => chosen = rest,
            None => return act,
        }
    }
    Act::Get
}

fn carry_out(
    act: Act,
    run: &Run<'_>,
    client: &mut Client,
    block: &Block,
    written: &mut Written,
) -> Result<(), Stop> {
    match act {
        Act::Put => put(run, client, block, written),
        Act::Get => get(run, client, block, written),
        Act::Touch => touch(run, client, block, written),
        Act::Untrash => untrash(run, client, block, written),
        Act::Delete => delete(run, client, block),
    }
}

/// A 503 promises nothing and is asked again, as the SDKs do: the replica that a long upload was compared with may be
/// trashed before its end, and then nobody has the beginning any more.
fn put(
    run: &Run<'_>,
    client: &mut Client,
    block: &Block,
    written: &mut Written,
) -> Result<(), Stop> {
    let path = format!("/{}", block.hash());
    for _attempt in 0..PUT_ATTEMPTS {
        let sent = clock::now();
        let answer = run.ask(client, "PUT", &path, block.data())?;
        match answer.status {
            200 => {
                run.books().promise(block.hash(), sent);
                written.puts += 1;
                return Ok(());
            }
            503 => written.refusals += 1,
            _ => return Err(Stop::Fault(unexpected("PUT", &path, &answer))),
        }
    }
    Err(Stop::Fault(Fault::Stuck(format!("PUT {path} was answered 503 {PUT_ATTEMPTS} times"))))
}

fn get(
    run: &Run<'_>,
    client: &mut Client,
    block: &Block,
    written: &mut Written,
) -> Result<(), Stop> {
    let answer = run.ask(client, "GET", &format!("/{}", block.locator()), b"")?;
    match judge_read(block, &answer, &run.books()).map_err(Stop::Fault)? {
        Presence::There => written.reads += 1,
        Presence::Trashed | Presence::NeverPromised => written.absences += 1,
    }
    Ok(())
}

/// Untrash of a block that is not in the trash is a 404 whatever else is true, so that absence is not judged here.
fn untrash(
    run: &Run<'_>,
    client: &mut Client,
    block: &Block,
    written: &mut Written,
) -> Result<(), Stop> {
    let (sent, path) = (clock::now(), format!("/untrash/{}", block.hash()));
    let answer = run.ask(client, "PUT", &path, b"")?;
    match answer.status {
        200 => {
            run.books().promise(block.hash(), sent);
            written.untrashes += 1;
            Ok(())
        }
        404 => Ok(()),
        _ => Err(Stop::Fault(unexpected("PUT", &path, &answer))),
    }
}

fn touch(
    run: &Run<'_>,
    client: &mut Client,
    block: &Block,
    written: &mut Written,
) -> Result<(), Stop> {
    let (sent, path) = (clock::now(), format!("/{}", block.hash()));
    let answer = run.ask(client, "TOUCH", &path, b"")?;
    match answer.status {
        200 => {
            run.books().promise(block.hash(), sent);
            written.touches += 1;
            Ok(())
        }
        404 => judge_absence(block, &run.books()).map(drop).map_err(Stop::Fault),
        _ => Err(Stop::Fault(unexpected("TOUCH", &path, &answer))),
    }
}

/// A `DELETE` may take a block away also when its answer was lost, so the books are written in any case.
fn delete(run: &Run<'_>, client: &mut Client, block: &Block) -> Result<(), Stop> {
    let path = format!("/{}", block.hash());
    let asked = run.ask(client, "DELETE", &path, b"");
    let judged = match &asked {
        Ok(answer) if answer.status == 404 => judge_absence(block, &run.books()).map(drop),
        Ok(answer) if answer.status != 200 => Err(unexpected("DELETE", &path, answer)),
        Ok(_) | Err(_) => Ok(()),
    };
    run.books().deleted(block.hash(), clock::now());
    asked?;
    judged.map_err(Stop::Fault)
}
