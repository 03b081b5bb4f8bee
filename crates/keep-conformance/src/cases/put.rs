//! Writing a block to volumes that can take it (spec sections 2.5, 4).

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use super::{Case, case};
use crate::block::Block;
use crate::context::{Context, OTHER_CLASS};
use crate::http::{Body, HttpError, Request, Response};
use crate::report::{Outcome, Report, Stop, quote};
use crate::server::{Server, USER};
use crate::setup::DEFAULT_CLASS;

pub(super) const CASES: &[Case] = &[
    case!(35, "PUT with a token", "200, signed, Stored 1, default=1", signed),
    case!(36, "PUT without a token", "200 unsigned; policy may refuse", no_token),
    case!(37, "PUT to hash+4 with 3 bytes", "200", wrong_size_in_path),
    case!(38, "PUT with a wrong hash", "400", wrong_hash),
    case!(39, "PUT with class foo", "v2 only, Stored 2, foo=2", one_class),
    case!(40, "PUT with classes default, foo", "both, Stored 3", two_classes),
    case!(41, "PUT with classes ' , foo , '", "as with class foo", untidy_classes),
    case!(42, "PUT with an unknown class", "507", unknown_class),
    case!(
        43,
        "PUT with class foo and an unknown one",
        "200, only foo confirmed",
        known_and_unknown_class
    ),
    case!(44, "PUT, Desired-Replicas 2, 99, text", "1 stored", desired_replicas),
    case!(45, "PUT of a block stored long ago", "200, mtime renewed, no rewrite", stored_before),
    case!(51, "PUT of 64 MiB / 64 MiB + 1", "200 / 413", largest),
    case!(52, "PUT of 64 MiB + 2", "413; reference drops connection", too_large),
    case!(53, "PUT chunked; Expect: 100-continue", "200; 100, then 200", framings),
];

const BLOCK_SIZE_MAX: usize = 64 << 20;
/// A file's mtime may be a clock tick older than the request.
const CLOCK_TICK: Duration = Duration::from_millis(50);

fn stored_count(answer: &Response) -> Option<u32> {
    answer.header("X-Keep-Replicas-Stored")?.parse().ok()
}

/// `X-Keep-Storage-Classes-Confirmed`, in whatever order it came.
fn confirmed(answer: &Response) -> Option<BTreeMap<String, u32>> {
    let entries = answer.header("X-Keep-Storage-Classes-Confirmed")?.split(", ");
    entries
        .map(|entry| {
            entry.split_once('=').and_then(|(class, n)| Some((class.to_owned(), n.parse().ok()?)))
        })
        .collect()
}

/// Checks how many copies an answer says are stored, and for which classes.
fn check_stored(
    report: &mut Report,
    doing: &str,
    answer: &Response,
    copies: u32,
    classes: &[(&str, u32)],
) {
    report.status(doing, answer, 200);
    let classes: BTreeMap<String, u32> =
        classes.iter().map(|&(class, n)| (class.to_owned(), n)).collect();
    report.require(stored_count(answer) == Some(copies), || {
        format!(
            "{doing}: X-Keep-Replicas-Stored {:?}, not {copies}",
            answer.header("X-Keep-Replicas-Stored")
        )
    });
    report.require(confirmed(answer).as_ref() == Some(&classes), || {
        let found = answer.header("X-Keep-Storage-Classes-Confirmed");
        format!("{doing}: X-Keep-Storage-Classes-Confirmed {found:?}, not {classes:?}")
    });
}

/// Checks on which of the standard volumes a block lies.
fn check_volumes(
    report: &mut Report,
    server: &Server,
    block: &Block,
    expected: [bool; 2],
) -> Result<(), Stop> {
    let volumes = server.volumes(2)?;
    let found = [volumes[0].has(block.hash)?, volumes[1].has(block.hash)?];
    report.require(found == expected, || format!("stored on v1, v2: {found:?}, not {expected:?}"));
    Ok(())
}

fn with_classes(server: &Server, block: &Block, classes: &str) -> Request {
    server.put_request(block).header("X-Keep-Storage-Classes", classes)
}

async fn signed(context: &Context<'_>) -> Outcome {
    let server = context.standard().await?;
    let mut report = Report::default();
    let block;
    let answer;
    if server.is_launched() {
        block = context.block_first_on(&server, 0)?;
        answer = server.put(&block).await?;
        check_stored(&mut report, "PUT", &answer, 1, &[(DEFAULT_CLASS, 1)]);
    } else {
        // Nothing is known of the volumes and classes of somebody's server.
        block = context.block();
        answer = server.put(&block).await?;
        report.status("PUT", &answer, 200);
        report.require(stored_count(&answer) > Some(0), || {
            "PUT: X-Keep-Replicas-Stored is no count".to_owned()
        });
        report.require(confirmed(&answer).is_some(), || {
            "PUT: no X-Keep-Storage-Classes-Confirmed".to_owned()
        });
    }
    check_signed(&mut report, &server, &block, &answer);
    Ok(report)
}

/// Checks that an answer is one line: the locator, signed for the user.
fn check_signed(report: &mut Report, server: &Server, block: &Block, answer: &Response) {
    let text = answer.text();
    let hint = text
        .strip_suffix('\n')
        .and_then(|line| line.strip_prefix(&format!("{}+", block.locator())));
    let Some(hint) = hint.filter(|hint| hint.starts_with('A') && !hint.contains('\n')) else {
        report.wrong("PUT: the body is not the signed locator and a newline");
        return;
    };
    if let Some(key) = server.known_key() {
        let vouched = key.vouches(hint, &block.hash.to_string(), USER, SystemTime::now());
        report.require(vouched.is_ok(), || format!("PUT: {}", vouched.err().unwrap_or_default()));
    }
}

async fn no_token(context: &Context<'_>) -> Outcome {
    let (server, block) = (context.standard().await?, context.block());
    let answer = server.send(Request::put(format!("/{}", block.hash), &block.data)).await?;
    let mut report = Report::default();
    if answer.status == 401 {
        report.saw("401");
        report.better("writing needs a token");
        if server.known_key().is_some() {
            report.status("GET of the refused block", &server.get_block(&block).await?, 404);
        }
        return Ok(report);
    }
    report.status("PUT without a token", &answer, 200);
    report.require(answer.text() == format!("{}\n", block.locator()), || {
        "PUT without a token: the body is not the unsigned locator and a newline".to_owned()
    });
    Ok(report)
}

async fn wrong_size_in_path(context: &Context<'_>) -> Outcome {
    let (server, block) = (context.standard().await?, context.block());
    let path = format!("/{}+{}", block.hash, block.data.len() + 1);
    let answer = server.send(Request::put(path, &block.data).bearer(USER)).await?;
    let mut report = Report::default();
    report.status("PUT to another size", &answer, 200);
    report.content("GET of it", &server.get_block(&block).await?, &block.data);
    Ok(report)
}

async fn wrong_hash(context: &Context<'_>) -> Outcome {
    let (server, block, other) = (context.standard().await?, context.block(), context.block());
    let answer =
        server.send(Request::put(format!("/{}", other.hash), &block.data).bearer(USER)).await?;
    let mut report = Report::default();
    let text =
        format!("content hash {} did not match specified locator {}", block.hash, other.hash);
    report.refusal("PUT to another hash", &answer, 400, &text);
    if server.known_key().is_some() {
        report.status("GET by the wrong hash", &server.get_block(&other).await?, 404);
    }
    Ok(report)
}

async fn one_class(context: &Context<'_>) -> Outcome {
    class_foo(context, OTHER_CLASS).await
}

async fn untidy_classes(context: &Context<'_>) -> Outcome {
    class_foo(context, " , foo , ").await
}

async fn known_and_unknown_class(context: &Context<'_>) -> Outcome {
    class_foo(context, "foo, unheard-of").await
}

async fn class_foo(context: &Context<'_>, classes: &str) -> Outcome {
    let server = context.launch(&context.standard_setup()?).await?;
    let block = context.block_first_on(&server, 0)?;
    let answer = server.send(with_classes(&server, &block, classes)).await?;
    let mut report = Report::default();
    check_stored(&mut report, "PUT", &answer, 2, &[(OTHER_CLASS, 2)]);
    check_volumes(&mut report, &server, &block, [false, true])?;
    Ok(report)
}

async fn two_classes(context: &Context<'_>) -> Outcome {
    let server = context.launch(&context.standard_setup()?).await?;
    let block = context.block();
    let answer = server.send(with_classes(&server, &block, "default, foo")).await?;
    let mut report = Report::default();
    check_stored(&mut report, "PUT", &answer, 3, &[(DEFAULT_CLASS, 1), (OTHER_CLASS, 2)]);
    check_volumes(&mut report, &server, &block, [true, true])?;
    Ok(report)
}

async fn unknown_class(context: &Context<'_>) -> Outcome {
    let (server, block) = (context.standard().await?, context.block());
    let answer = server.send(with_classes(&server, &block, "unheard-of")).await?;
    let mut report = Report::default();
    report.refusal("PUT", &answer, 507, "insufficient storage");
    if server.known_key().is_some() {
        report.status("GET of it", &server.get_block(&block).await?, 404);
    }
    Ok(report)
}

async fn desired_replicas(context: &Context<'_>) -> Outcome {
    let server = context.launch(&context.standard_setup()?).await?;
    let mut report = Report::default();
    for desired in ["2", "99", "several"] {
        let block = context.block_first_on(&server, 0)?;
        let answer = server
            .send(server.put_request(&block).header("X-Keep-Desired-Replicas", desired))
            .await?;
        check_stored(
            &mut report,
            &format!("PUT, desired {desired}"),
            &answer,
            1,
            &[(DEFAULT_CLASS, 1)],
        );
        check_volumes(&mut report, &server, &block, [true, false])?;
    }
    Ok(report)
}

async fn stored_before(context: &Context<'_>) -> Outcome {
    let (server, block) = (context.standard().await?, context.block());
    let volume = server.volumes_for(&block, 1)?[0];
    volume.plant(block.hash, &block.data, server.old())?;
    let before = volume.replica(block.hash)?;
    let asked = SystemTime::now() - CLOCK_TICK;
    let answer = server.put(&block).await?;
    let mut report = Report::default();
    report.status("PUT", &answer, 200);
    let after = volume.replica(block.hash)?;
    report.require(after.is_some_and(|replica| replica.mtime >= asked), || {
        "the mtime was not renewed".to_owned()
    });
    report
        .require(after.map(|replica| replica.inode) == before.map(|replica| replica.inode), || {
            "the file was written anew".to_owned()
        });
    Ok(report)
}

async fn largest(context: &Context<'_>) -> Outcome {
    let server = context.standard().await?;
    let (largest, larger) =
        (context.block_of(BLOCK_SIZE_MAX), context.block_of(BLOCK_SIZE_MAX + 1));
    let mut report = Report::default();
    report.status("PUT of 64 MiB", &server.put(&largest).await?, 200);
    report.status("PUT of 64 MiB + 1", &server.put(&larger).await?, 413);
    report.content("GET of 64 MiB", &server.get_block(&largest).await?, &largest.data);
    Ok(report)
}

async fn too_large(context: &Context<'_>) -> Outcome {
    let (server, block) = (context.standard().await?, context.block_of(BLOCK_SIZE_MAX + 2));
    let chunked = Body::Chunked { data: Arc::clone(&block.data), piece: 1 << 20 };
    let requests = [server.put_request(&block), server.put_request(&block).body(chunked)];
    let mut report = Report::default();
    for request in requests {
        match server.client().send(request).await {
            Err(HttpError::NoAnswer) => report.saw("no answer"),
            Ok(answer) if answer.status == 413 => {
                report.saw("413");
                report.better("it answers");
            }
            Ok(answer) => report.wrong(format!("PUT: {}, not 413", quote(&answer))),
            Err(error) => report.wrong(format!("PUT: {error}")),
        }
    }
    report.status("PUT of another block afterwards", &server.put(&context.block()).await?, 200);
    Ok(report)
}

async fn framings(context: &Context<'_>) -> Outcome {
    let server = context.standard().await?;
    let mut report = Report::default();
    let block = context.block_of(100_000);
    let chunked = Body::Chunked { data: Arc::clone(&block.data), piece: 30_000 };
    report.status(
        "PUT chunked",
        &server.send(server.put_request(&block).body(chunked)).await?,
        200,
    );
    report.content("GET of it", &server.get_block(&block).await?, &block.data);

    let block = context.block();
    let request = server.put_request(&block).header("Expect", "100-continue");
    let mut connection = server.connect().await?;
    connection.send_head(&request).await?;
    let interim = connection.response("PUT").await?;
    report.status("PUT with Expect, before the body", &interim, 100);
    if interim.status == 100 {
        connection.send_body(&request.body).await?;
        report.status("PUT with Expect", &connection.response("PUT").await?, 200);
    }
    Ok(report)
}
