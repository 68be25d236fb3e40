//! What follows from each command, in whole runs.

mod answer;
mod armed;
mod begin;
mod by_hand;
mod choose;
mod close;
mod finish;
mod recover;
mod shell;
mod way_back;
