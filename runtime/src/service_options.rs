//! How a service is served and called.

use std::num::NonZeroUsize;
use std::time::Duration;

use crate::link::FRAME_LEN_MAX_DEFAULT;
use crate::security::role::RoleName;
use crate::service_introspection::ServiceIntrospection;

/// How a service is served.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct ServiceServerOptions {
    /// How many verified requests wait for the handler; further ones are answered at once: the server is overloaded. 1024 by
    /// default.
    pub depth: NonZeroUsize,
    /// The largest request that is accepted, in bytes of its frame.
    pub frame_len_max: usize,
    /// What the server tells of its calls on `<service>/_service_event`. Nothing by default.
    pub introspection: ServiceIntrospection,
}

impl Default for ServiceServerOptions {
    fn default() -> Self {
        Self {
            depth: const { NonZeroUsize::new(1024).unwrap() },
            frame_len_max: FRAME_LEN_MAX_DEFAULT,
            introspection: ServiceIntrospection::Off,
        }
    }
}

/// How a service is called.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct ServiceClientOptions {
    /// How long a call may take unless it says otherwise. 5 s by default.
    pub deadline: Duration,
    /// Calls only servers whose key holds this role by the trust policy, in a scope that has the service, and whose role
    /// permits to serve it. This is asked in every trust mode. By default whomever the policy permits to serve is called.
    pub server_role: Option<RoleName>,
    /// How many calls may be under way at a time; a further one fails at once. 16,384 by default.
    pub calls_max: NonZeroUsize,
    /// The largest response that is accepted, in bytes of its frame.
    pub frame_len_max: usize,
    /// On whose behalf the calls are made: the origin of each request, at most 255 bytes. A bridge says here for whom it calls.
    pub on_behalf_of: Option<String>,
    /// What the client tells of its calls on `<service>/_service_event`. Nothing by default.
    pub introspection: ServiceIntrospection,
}

impl Default for ServiceClientOptions {
    fn default() -> Self {
        Self {
            deadline: Duration::from_secs(5),
            server_role: None,
            calls_max: const { NonZeroUsize::new(16_384).unwrap() },
            frame_len_max: FRAME_LEN_MAX_DEFAULT,
            on_behalf_of: None,
            introspection: ServiceIntrospection::Off,
        }
    }
}
