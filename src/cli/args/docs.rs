//! The flags of `docs`.

use clap::{Args, Subcommand, ValueEnum};

use super::SelectionArgs;

#[derive(Debug, Subcommand)]
pub enum DocsCommand {
    /// Write the documentation: target/index.html with the folder target/site, and catalog.json
    Generate {
        #[command(flatten)]
        selection: SelectionArgs,
        #[command(flatten)]
        args: DocsGenerateArgs,
    },
    /// Serve the documentation on this machine; it is made anew when a file of the project changes
    Serve {
        #[command(flatten)]
        args: DocsServeArgs,
    },
}

/// How the catalog is made.
#[derive(Debug, Clone, Default, Args)]
pub struct DocsGenerateArgs {
    /// Compile first, which is the default
    #[arg(long, overrides_with = "no_compile", hide = true)]
    pub compile: bool,
    /// Leave compiling out
    #[arg(long)]
    pub no_compile: bool,
    /// Ask no database
    #[arg(long)]
    pub empty_catalog: bool,
    /// Also write static_index.html: the whole site in one file
    #[arg(long = "static")]
    pub is_static: bool,
    /// A site, or pages of Markdown for a repository's wiki in target/wiki
    #[arg(long, value_name = "FORMAT", default_value = "html")]
    pub format: DocsFormat,
}

/// How documentation is served.
#[derive(Debug, Clone, Args)]
pub struct DocsServeArgs {
    /// The address to listen on
    #[arg(long, value_name = "HOST", default_value = "127.0.0.1")]
    pub host: String,
    /// The port to listen on; 0 takes any
    #[arg(long, value_name = "PORT", default_value_t = 8080)]
    pub port: u16,
    /// Open a browser, which is the default at a terminal
    #[arg(long, overrides_with = "no_browser", hide = true)]
    pub browser: bool,
    /// Open no browser
    #[arg(long)]
    pub no_browser: bool,
    /// Serve what there is, whatever changes
    #[arg(long)]
    pub no_watch: bool,
}

/// What documentation is written as.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, ValueEnum)]
pub enum DocsFormat {
    #[default]
    Html,
    Markdown,
}
