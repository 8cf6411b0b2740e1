//! What `doctor` finds: what was looked at, how it is, and what to do about it.

use nuncio::Reason;

use crate::answers::diagnosis::FindingTold;

/// One thing that was looked at.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(crate) struct Finding {
    pub(crate) state: State,
    /// What was looked at.
    pub(crate) about: String,
    /// How it is.
    pub(crate) text: String,
    /// The reason for which messages are refused because of it, if they are.
    pub(crate) reason: Option<Reason>,
    /// What to do about it.
    pub(crate) remedy: Option<String>,
}

/// How a thing is.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum State {
    /// As it should be.
    Good,
    /// Not wrong, but a person may want to know.
    Notice,
    /// Something does not work because of it.
    Problem,
}

impl State {
    /// The word for it.
    pub(crate) const fn as_str(self) -> &'static str {
        match self {
            Self::Good => "ok",
            Self::Notice => "notice",
            Self::Problem => "problem",
        }
    }
}

impl Finding {
    pub(crate) fn good(about: impl Into<String>, text: impl Into<String>) -> Self {
        Self {
            state: State::Good,
            about: about.into(),
            text: text.into(),
            reason: None,
            remedy: None,
        }
    }

    pub(crate) fn notice(about: impl Into<String>, text: impl Into<String>) -> Self {
        Self {
            state: State::Notice,
            ..Self::good(about, text)
        }
    }

    /// A problem; the text says what to do, as error messages do.
    pub(crate) fn problem(about: impl Into<String>, text: impl Into<String>) -> Self {
        Self {
            state: State::Problem,
            ..Self::good(about, text)
        }
    }

    /// A refusal, with the remedy of its reason.
    pub(crate) fn refusal(about: impl Into<String>, reason: Reason, detail: impl Into<String>) -> Self {
        Self {
            reason: Some(reason),
            remedy: Some(reason.remedy().to_owned()),
            ..Self::problem(about, detail)
        }
    }

    pub(crate) fn with_remedy(self, remedy: impl Into<String>) -> Self {
        Self {
            remedy: Some(remedy.into()),
            ..self
        }
    }

    /// The finding for programs.
    pub(crate) fn answer(&self) -> FindingTold<'_> {
        FindingTold {
            state: self.state.as_str(),
            about: &self.about,
            text: &self.text,
            reason: self.reason.map(|reason| reason.to_string()),
            remedy: self.remedy.as_deref(),
        }
    }
}
