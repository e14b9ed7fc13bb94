//! The restore of a volume group on its own (`restvg`), in the system that runs:
//! [`prepare`] makes the plan without writing and looks whether its mount points are
//! free ([`places`]), [`run`] carries it out.

pub mod places;
pub mod prepare;
pub mod run;
