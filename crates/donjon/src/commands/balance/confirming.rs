//! Whether a run writes the confirmed columns of the database.

use donjon_balance::settings::Settings;

/// Whether the confirmed columns are written.
#[derive(Clone, Copy, Debug, clap::Args)]
#[command(next_help_heading = "Balancer")]
pub(super) struct ConfirmArgs {
    /// Leave the confirmed columns of the database as they are, as if BalanceUpdateLimit were 0
    #[arg(long)]
    no_confirmed_columns: bool,
}

impl ConfirmArgs {
    pub(super) fn apply(self, settings: &mut Settings) {
        if self.no_confirmed_columns {
            settings.update_limit = 0;
        }
    }
}
