//! The balancer, through the real program, on real nodes.

#![expect(clippy::unwrap_used, reason = "a test may panic, its helpers too")]

mod between; // somebody who changes what a node says
mod brakes; // a run that would change too much
mod chaos; // random kills
mod cluster; // nodes, a directory of manifests, a balancer
mod cycle; // replicate, trash, converge
mod doubts; // whatever is not certain ends the run
mod files; // put, get, ls, rm
mod gone; // nodes, disks and lists that are not what they were
mod life; // put, rm, undo, balance, untrash, get, under random kills
mod outcomes; // what became of lists
mod plans; // made, shown, compared, explained, applied
#[path = "../cli/program.rs"]
mod program;
mod random; // the same for the same seed
mod running; // a balancer that goes on
mod service; // run after run
mod status; // the last runs
mod transfers; // put and get, killed, damaged, repeated
mod undo; // what is brought back, and whether it is there
mod what_if; // donjon balance decide
