//! `donjon rm`

mod changed; // what became of the catalog
mod looked; // whether the blocks are there

use std::cell::RefCell;

use keep_rules::Timestamp;
use manifest_store::{CollectionName, Entry};
use serde_json::json;

use crate::cluster::Cluster;
use crate::exit::{Exit, Tally};
use crate::failure::Failure;
use crate::manifests::{Manifests, ManifestsArgs};
use crate::output::{Format, Output};
use crate::transfer::{Bar, unless_interrupted};
use changed::{Act, Changed, Outcome, change};
use looked::{Looked, Places};

/// Remove collections
///
/// Their blocks are kept for the signature TTL, because who holds a signature may still use them in a new collection; until
/// then --undo brings a collection back. After that, the next run of the balancer trashes what no other collection wants.
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Examples:
  donjon rm photos --data /srv/keep
  donjon rm --undo photos --data /srv/keep
  donjon rm photos --manifests /srv/manifests --ttl 336h

What --undo has brought back is looked at: every block, on the nodes of --config or --data, which
makes it young, or finds that nobody can trash it. So is one that is not removed: after an
interruption the same command again looks. With --manifests alone no nodes are known: it is there
again, but only clocks have decided that its blocks are (exit status 4). --undo brings back the one
that was removed last, if no other has its name; `donjon ls --all` shows how to reach one that was
replaced.
Collections that were removed long ago are forgotten, and their manifests erased: another signature
TTL, and a day at least, after their blocks have lost their protection.
With --json: an object a line with name, result, undo_until_ns and kept_until_ns (how long --undo
works, and how long blocks are kept); after --undo also blocks: looked_at, there, missing, in_doubt
and files_not_whole.
Exit status: 0 all of them, or --undo found that they are not removed and whole; 3 none of them was
there, 4 some of them; or --undo found another collection of this name, which stays as it is; or
one whose blocks are not all there, or were not looked at; 1 an error, or interrupted")]
pub(crate) struct RmArgs {
    /// The collections
    #[arg(value_name = "NAME", required = true)]
    names: Vec<CollectionName>,

    /// Bring them back, and look whether all their blocks are there
    #[arg(long)]
    undo: bool,

    /// Give up collections that were removed before, and whose manifests are lost or damaged: no balancer waits for these any
    /// more, and blocks that only they named are protected no longer
    #[arg(long, conflicts_with = "undo")]
    give_up: bool,

    #[command(flatten)]
    format: Format,

    #[command(flatten)]
    manifests: ManifestsArgs,
}

pub(crate) async fn run(args: RmArgs) -> Result<Exit, Failure> {
    let act = match (args.undo, args.give_up) {
        (true, _) => Act::BringBack,
        (false, true) => Act::GiveUp,
        (false, false) => Act::Remove,
    };
    // What is wrong with the configuration is found before anything is changed.
    let (manifests, cluster) = match act {
        Act::BringBack => args.manifests.find_with_cluster()?,
        Act::Remove | Act::GiveUp => (args.manifests.find()?, None),
    };
    // A collection that is there protects its blocks from the next balancer, so it is there before they are looked at.
    let (changed, ended) = change(&manifests, act, &args.names)?;
    if !args.format.json {
        tell_changes(&changed)?;
    }
    let (looked, finished) = look(&manifests, &changed, cluster.as_ref()).await;
    let mut looked = looked.into_iter();
    let mut output = Output::stdout();
    let mut tally = Tally::default();
    for changed in &changed {
        let looked = changed.there.as_ref().map(|_| looked.next().unwrap_or(Looked::Interrupted));
        let told = Told { changed, looked };
        told.count(&mut tally);
        told.tell(args.format, &mut output)?;
    }
    output.flush()?;
    if let (Err(error), Err(_)) = (&ended, &finished) {
        eprintln!("donjon: {error}");
    }
    finished.and(ended).map(|()| tally.exit())
}

/// What became of the catalog, for people: whatever comes of the looking, this is so.
fn tell_changes(changed: &[Changed]) -> Result<(), Failure> {
    let mut output = Output::stdout();
    for one in changed {
        match one.outcome {
            Outcome::Removed | Outcome::BroughtBack | Outcome::GivenUp | Outcome::NotRemoved => {
                output.line(one.sentence())?;
            }
            Outcome::NoSuchName
            | Outcome::TooLate
            | Outcome::NameTaken
            | Outcome::NothingToGiveUp => eprintln!("donjon: {}", one.sentence()),
        }
    }
    output.flush()
}

/// Looks for the blocks of what is there after `--undo`. An interruption ends it; what is known by then is given all the same.
async fn look(
    manifests: &Manifests,
    changed: &[Changed],
    cluster: Option<&Cluster>,
) -> (Vec<Looked>, Result<(), Failure>) {
    let to_look: Vec<&Entry> = changed.iter().filter_map(|one| one.there.as_ref()).collect();
    let bar = Bar::of_blocks("look", to_look.iter().map(|entry| entry.blocks).sum());
    let looked = RefCell::new(Vec::new());
    let looking = async {
        let places = match cluster {
            Some(cluster) if !to_look.is_empty() => Some(Places::ask(cluster).await),
            Some(_) | None => None,
        };
        for entry in &to_look {
            let one = Looked::at(&manifests.dir, entry, places.as_ref(), &bar).await;
            looked.borrow_mut().push(one);
        }
        Ok(())
    };
    let finished = unless_interrupted(looking, || {
        let rest: Vec<&str> =
            to_look.iter().skip(looked.borrow().len()).map(|entry| entry.name.as_str()).collect();
        format!(
            "it was not found out whether the blocks of these are there: {}. They are in the catalog; the same command again looks",
            rest.join(", ")
        )
    });
    let finished = finished.await;
    bar.clear();
    (looked.into_inner(), finished)
}

/// A collection, and what is known of its blocks if it is there after `--undo`.
struct Told<'a> {
    changed: &'a Changed,
    looked: Option<Looked>,
}

impl Told<'_> {
    fn count(&self, tally: &mut Tally) {
        match self.changed.outcome {
            Outcome::NoSuchName | Outcome::TooLate | Outcome::NothingToGiveUp => tally.missing += 1,
            Outcome::NameTaken => tally.kept += 1,
            Outcome::Removed | Outcome::BroughtBack | Outcome::GivenUp | Outcome::NotRemoved => {
                if self.looked.as_ref().is_none_or(Looked::is_well) {
                    tally.done += 1;
                } else {
                    tally.kept += 1;
                }
            }
        }
    }

    /// Tells what was seen; for scripts also what became of the catalog.
    fn tell(&self, format: Format, output: &mut Output) -> Result<(), Failure> {
        let Told { changed, looked } = self;
        if let Some(looked) = looked {
            for warning in looked.said(changed) {
                eprintln!("donjon: {warning}");
            }
        }
        if format.json {
            return output.json(&json!({
                "name": changed.name,
                "result": changed.outcome,
                "undo_until_ns": changed.undo_until.map(Timestamp::as_nanos),
                "kept_until_ns": changed.kept_until.map(Timestamp::as_nanos),
                "blocks": looked.as_ref().map(Looked::as_json),
            }));
        }
        match looked.as_ref().and_then(Looked::all_there) {
            Some(count) => output
                .line(format!("{}: looked for its blocks, all are there: {count}", changed.name)),
            None => Ok(()),
        }
    }
}
