//! The flags that say which messages are shown, and how, as ROS 2 tools have them.

use nuncio_bridge::filter::Filter;

use crate::render::MOST_SHOWN;

/// The condition on messages.
#[derive(Debug, Default, clap::Args)]
pub(crate) struct FilterArg {
    /// Only messages of which this is true, such as 'twist.linear.x > 0.5 && signer == "alice"'
    ///
    /// Conditions: == != < <= > >=, contains (of texts), && || ! and ( ). What is compared: fields (pose.position.x, ranges[0]),
    /// len(ranges), numbers, 'texts', true, false, constants of the schema (level == ERROR), and what was verified: signer (a
    /// key or a name), node, topic, number, and in seconds stamp and age. A field of the message that is called so has a dot:
    /// .node. NaN is unequal to every number. What the type does not have is an error, at the column where it stands. All
    /// messages are verified; those that are left out do not count for --once, --times and --timeout.
    #[arg(long, value_name = "EXPR", value_parser = Filter::parse)]
    pub(crate) filter: Option<Filter>,
}

/// Which messages are shown, and what of them.
#[derive(Debug, clap::Args)]
#[command(next_help_heading = "What is shown")]
pub(crate) struct ShownArgs {
    #[command(flatten)]
    pub(crate) filter: FilterArg,
    /// This field only, such as pose.position.x or `ranges[0]`
    #[arg(long, value_name = "PATH")]
    pub(crate) field: Option<String>,
    /// The values of each message in a line, with commas between them
    #[arg(long, conflicts_with = "json")]
    pub(crate) csv: bool,
    /// With --csv: first a line with the fields of the first message
    #[arg(long, requires = "csv")]
    pub(crate) csv_header: bool,
    /// Long lists, texts and bytes whole
    #[arg(short, long)]
    pub(crate) full_length: bool,
    /// How many elements of a list and characters of a text are shown
    #[arg(short = 'l', long, value_name = "N", default_value_t = MOST_SHOWN, conflicts_with = "full_length")]
    pub(crate) truncate_length: usize,
    /// How long lists of numbers and texts are instead of what is in them
    #[arg(long)]
    pub(crate) no_arr: bool,
    /// How long texts are instead of what is in them
    #[arg(long)]
    pub(crate) no_str: bool,
}

impl Default for ShownArgs {
    fn default() -> Self {
        Self {
            filter: FilterArg::default(),
            field: None,
            csv: false,
            csv_header: false,
            full_length: false,
            truncate_length: MOST_SHOWN,
            no_arr: false,
            no_str: false,
        }
    }
}
