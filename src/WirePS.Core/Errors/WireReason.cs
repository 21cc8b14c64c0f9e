namespace WirePS;

/// <summary>
/// Every way in which an operation of WirePS can be refused or can fail. The name is the stable part of an
/// ErrorId (<c>Wire</c> + name), its snake_case form stands in files, journal and events (wireps.md §9).
/// <see cref="WireErrorCatalogue"/> holds what each one means and what to do next.
/// </summary>
public enum WireReason
{
    // The machine
    SodiumUnavailable,
    SodiumSelfTestFailed,

    // Files and homes
    HomeInUse,
    FileNotPrivate,
    FileForeignOwner,
    FileCorrupt,
    FileUnreadable,
    FileNewerVersion,
    StorageFull,
    StorageFailed,
    LockTimeout,
    JournalTampered,

    // Identity
    InvalidHandle,
    IdentityExists,
    IdentityIncomplete,
    InvalidCard,
    CardOutdated,
    CardForked,
    InvalidEvent,
    InvalidJson,

    // Codes and digits
    InvalidLength,
    InvalidSymbol,
    MistypedCode,
    CodeUsed,
    InvalidDigits,
    DigitsRequired,

    // How a pairing ends (pairing-v2.md §5)
    OwnDigits,
    WrongCode,
    CommitmentMismatch,
    SasMismatch,
    SelfPairing,
    Cancelled,
    Expired,
    Crowded,
    InvalidShare,
    ProtocolError,
    IdentityMismatch,
    IdentityConflict,
    RelayLostReply,
    RelayInterference,
    UnsupportedVersion,
    AbortedRestart,

    // Invites (wireps.md §6)
    InvalidInvite,
    InviteExpired,
    InviteUsedUp,
    InviteRevoked,
    InviteNameConflict,
    InviteNotFound,
    OwnInvite,

    // Directories (wire.md §4.9)
    HandleTaken,
    HandleNotFound,

    // Trust requests and revocation (wireps.md §8)
    TrustRequestNotFound,
    NotATrustRequest,
    PeerUnreachable,
    InvalidAddress,
    InvalidFingerprint,
    PortNeedsPrivilege,
    PortInUse,
    ListenFailed,
    NotAPairing,
    PeerRevoked,
    PeerWithoutRoute,
    PeerNotWirePS,
    RelayWithoutGrants,
    TrustedAgentExists,
    TrustedAgentNotFound,
    InvalidKey,

    // Asking about pairings and peers
    PairNotFound,
    PairNotReady,
    PairActive,
    PairEnded,
    PeerNotFound,
    PeerAmbiguous,
    WaitTimeout,

    // Devices and pair tokens
    TokenRefused,
    TokenNotFound,
    TokenStoreUnsupported,
    TooManyTokens,
    InvalidTokenLifetime,
    InvalidLabel,
    InvalidRights,
    RightsExceeded,
    SendRightMissing,
    PrincipalUnknown,
    InvalidDeviceKey,
    InvalidDeviceProof,
    InvalidDeviceUrl,
    DeviceUrlExpired,
    TooManyDevices,
    DeviceNotFound,
    DeviceAmbiguous,
    DeviceTokenRequired,
    DeviceUrlRequired,
    IssuerNoAnswer,

    // Messages (wire.md §9)
    InvalidMessage,
    MessageNotFound,
    MessageTooLarge,
    RouteMissing,
    RouteStale,
    InvalidConsumer,
    ConsumerBusy,

    // Relays
    RelayNotConfigured,
    RelayInvalidUrl,
    RelayInsecure,
    RelayUnreachable,
    RelayRateLimited,
    RelayRefused,
    RelayBadReply,
    MailboxLost,
    MailboxFull,
    EventsDropped,
    RelayWithoutV2,
    RelayDowngraded,
    RelayRuntimeMissing,
    RelayStartFailed,
    RelayNotRunning,

    // Daemon
    DaemonRunning,
    DaemonNotRunning,
    DaemonStartFailed,
    DaemonInRemoting,

    // Values a caller gave, and what is around
    InvalidDuration,
    ConfirmationRequired,
    WindowTooNarrow,
}
