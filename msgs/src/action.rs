//! What every action type can say about itself.

use crate::{Definition, Message, Service, TypeHash};

/// An action: implemented by generated code only, for a type that has no values.
pub trait Action: Send + Sync + 'static {
    /// What a client wants.
    type Goal: Message;
    /// What came of it.
    type Result: Message;
    /// How far it has come.
    type Feedback: Message;
    /// The service that hands over a goal.
    type SendGoal: Service;
    /// The service that waits for the result.
    type GetResult: Service;
    /// The message that carries feedback and the goal that it is about.
    type FeedbackMessage: Message;
    /// The fully qualified name, such as `example_interfaces/action/Fibonacci`.
    const TYPE_NAME: &'static str;
    /// The RIHS01 hash of the action, equal to ROS 2's. On the wire are those of its services and its message.
    const TYPE_HASH: TypeHash;
    /// The file that defines the action.
    const DEFINITION: Definition;
    /// That file first, then those of all types that it refers to, sorted by name.
    const DEFINITIONS: &'static [Definition];
    /// The ROS 2 type description as JSON text, one line.
    const TYPE_DESCRIPTION: &'static str;
}
