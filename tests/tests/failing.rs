//! What happens while the storage fails, and what is refused without asking it: section 7 of the contract.

#[path = "failing/answers.rs"]
mod answers;
#[path = "failing/counts.rs"]
mod counts;
#[path = "failing/fickle.rs"]
mod fickle;
#[path = "failing/instead.rs"]
mod instead;
#[path = "failing/local_refusals.rs"]
mod local_refusals;
#[path = "failing/manual.rs"]
mod manual;
#[path = "failing/on_the_way.rs"]
mod on_the_way;
#[path = "failing/policies.rs"]
mod policies;
