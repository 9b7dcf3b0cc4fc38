//! tokend: holds secrets, keeps a fresh token for every configured account, serves it over a local socket.

pub mod account;
pub mod clock;
pub mod config;
pub mod doctor;
pub mod document;
pub mod instance;
pub mod lock;
pub mod login;
pub mod metrics;
pub mod newer;
pub mod platform;
pub mod provider;
pub mod secret;
pub mod server;
pub mod service_manager;
pub mod user_service;
