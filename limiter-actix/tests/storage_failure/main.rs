//! What happens while the storage fails, and what is refused without asking it: section 7 of the contract.

mod answers;
mod counts;
mod fickle;
mod instead;
mod local_refusals;
mod manual;
mod on_the_way;
mod policies;
