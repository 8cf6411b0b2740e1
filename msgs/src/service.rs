//! What every service type can say about itself.

use crate::{Definition, Message, TypeHash};

/// A service: implemented by generated code only, for a type that has no values.
pub trait Service: Send + Sync + 'static {
    /// What is asked.
    type Request: Message;
    /// What is answered.
    type Response: Message;
    /// The fully qualified name, such as `std_srvs/srv/SetBool`.
    const TYPE_NAME: &'static str;
    /// The RIHS01 hash of the service, equal to ROS 2's.
    const TYPE_HASH: TypeHash;
    /// The file that defines the service.
    const DEFINITION: Definition;
    /// That file first, then those of all types that it refers to, sorted by name.
    const DEFINITIONS: &'static [Definition];
    /// The ROS 2 type description as JSON text, one line.
    const TYPE_DESCRIPTION: &'static str;
}
