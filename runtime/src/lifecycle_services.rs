//! The five services with which ROS 2 looks after a managed node.

use std::sync::Arc;

use nuncio_msgs::lifecycle_msgs::srv::{
    ChangeState, ChangeStateResponse, GetAvailableStates, GetAvailableStatesResponse, GetAvailableTransitions,
    GetAvailableTransitionsResponse, GetState, GetStateResponse,
};

use crate::attendant;
use crate::lifecycle_desk::LifecycleDesk;
use crate::lifecycle_state::{LifecycleState, Transition, whole_graph};
use crate::node::Node;
use crate::service_error::ServiceError;
use crate::service_server::Serving;

/// Serves until what is returned is dropped. One thread makes transitions, which may take long; another answers for the rest.
pub(crate) fn serve(node: &Node, desk: &Arc<LifecycleDesk>) -> Result<Vec<Serving>, ServiceError> {
    let changing = Arc::clone(desk);
    let change = node.service_server::<ChangeState>("~/change_state")?;
    let change = change.on_request(move |request, _| {
        // As in ROS 2 the label is what counts, if there is one.
        let (id, label) = (request.transition.id, request.transition.label);
        let changed = changing.change(|state| match label.is_empty() {
            true => Transition::of_id(id),
            false => Transition::labelled(&label, state),
        });
        Ok(ChangeStateResponse {
            success: changed.is_ok(),
        })
    })?;
    let (asked, available) = (Arc::clone(desk), Arc::clone(desk));
    let others = vec![
        node.service_server::<GetState>("~/get_state")?.attended(move |_, _| {
            Ok(GetStateResponse {
                current_state: asked.state().to_message(),
            })
        }),
        node.service_server::<GetAvailableStates>("~/get_available_states")?
            .attended(|_, _| {
                let states = LifecycleState::ALL.iter().map(|state| state.to_message());
                Ok(GetAvailableStatesResponse {
                    available_states: states.collect(),
                })
            }),
        node.service_server::<GetAvailableTransitions>("~/get_available_transitions")?
            .attended(move |_, _| {
                let transitions = Transition::available_in(available.state()).map(Transition::to_description);
                Ok(GetAvailableTransitionsResponse {
                    available_transitions: transitions.collect(),
                })
            }),
        node.service_server::<GetAvailableTransitions>("~/get_transition_graph")?
            .attended(|_, _| {
                Ok(GetAvailableTransitionsResponse {
                    available_transitions: whole_graph(),
                })
            }),
    ];
    let mut serving = attendant::attend(format!("life{}", node.name()), others)?;
    serving.push(change);
    Ok(serving)
}
