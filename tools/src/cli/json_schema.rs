//! What `json-schema` accepts.

/// Print the JSON Schema of what a command prints with --json, or list the commands that have one
///
/// Members may be added to what a command prints; none is removed or changed without a line in the CHANGELOG.
#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:\n  \
    nuncio json-schema                           (the commands that print JSON)\n  \
    nuncio json-schema topic list > topic-list.schema.json")]
pub(crate) struct JsonSchema {
    /// The command, such as `topic list`; the first word alone lists those below it
    #[arg(value_name = "COMMAND")]
    pub(crate) command: Vec<String>,
}
