//! `donjon config check`

use donjon_node::config::{ConfigErrors, Mistake, Warning};
use serde_json::{Value, json};

use super::WhichConfig;
use crate::exit::Exit;
use crate::failure::Failure;
use crate::output::{Format, Output};

/// Find all mistakes in a configuration at once, without starting anything
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Examples:
  donjon config check /etc/arvados/config.yml
  donjon config check --json - < config.yml

Exit status: 0 a node can use it (there may be warnings), 1 it cannot")]
pub(crate) struct CheckArgs {
    #[command(flatten)]
    which: WhichConfig,

    #[command(flatten)]
    format: Format,
}

pub(super) fn run(args: CheckArgs) -> Result<Exit, Failure> {
    let mut output = Output::stdout();
    let exit = match args.which.load() {
        Ok(loaded) if args.format.json => {
            output.json(
                &json!({ "usable": true, "mistakes": [], "warnings": warnings(&loaded.warnings) }),
            )?;
            Exit::Done
        }
        Ok(loaded) => {
            output.line(format_args!("{}: a node can use it", loaded.source.name))?;
            loaded
                .warnings
                .iter()
                .try_for_each(|warning| output.line(format_args!("  (warning) {warning}")))?;
            Exit::Done
        }
        Err(errors) if args.format.json => {
            output.json(&unusable(&errors))?;
            Exit::Failed
        }
        Err(errors) => {
            output.line(errors)?;
            Exit::Failed
        }
    };
    output.flush()?;
    Ok(exit)
}

fn unusable(errors: &ConfigErrors) -> Value {
    let (mistakes, warned) =
        if let ConfigErrors::Mistakes { mistakes, warnings: warned, .. } = errors {
            (mistakes.iter().map(mistake).collect(), warnings(warned))
        } else {
            (vec![json!({ "key": null, "problem": errors.to_string() })], Vec::new())
        };
    json!({ "usable": false, "mistakes": mistakes, "warnings": warned })
}

fn mistake(mistake: &Mistake) -> Value {
    json!({ "key": mistake.key.to_string(), "problem": mistake.problem.to_string() })
}

fn warnings(warnings: &[Warning]) -> Vec<Value> {
    let warning = |warning: &Warning| json!({ "key": warning.key.to_string(), "notice": warning.notice.to_string() });
    warnings.iter().map(warning).collect()
}
