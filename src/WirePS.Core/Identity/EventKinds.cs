namespace WirePS.Identity;

/// <summary>The class of an event kind; classes have no behaviour attached.</summary>
public enum EventKindClass
{
    /// <summary>Outside every range.</summary>
    None,
    /// <summary>1000-9999, and kind 1.</summary>
    Regular,
    /// <summary>10000-19999.</summary>
    Replaceable,
    /// <summary>20000-29999, and kind 100.</summary>
    Ephemeral,
    /// <summary>30000-39999.</summary>
    Addressable,
}

/// <summary>
/// The kinds of events (wire.md §2.3). Only named kinds may be sent: an unknown one blocks the mailbox of a wire program
/// for ever.
/// </summary>
public static class EventKinds
{
    /// <summary>Messages; the default.</summary>
    public const uint Message = 1;

    /// <summary>Liveness.</summary>
    public const uint Heartbeat = 100;

    /// <summary>Decisions.</summary>
    public const uint Decision = 1000;

    /// <summary>Claims.</summary>
    public const uint Claim = 1001;

    /// <summary>Acknowledgements.</summary>
    public const uint Ack = 1002;

    /// <summary>Agent cards; used as <c>pair_drop</c>.</summary>
    public const uint AgentCard = 1100;

    /// <summary>Added keys; used as <c>pair_drop_ack</c>.</summary>
    public const uint TrustAddKey = 1101;

    /// <summary>Revoked keys.</summary>
    public const uint TrustRevokeKey = 1102;

    /// <summary>Not sent by anybody.</summary>
    public const uint WireOpen = 1200;

    /// <summary>The notice that a mailbox moved.</summary>
    public const uint WireClose = 1201;

    /// <summary>The name in the table; null for an unknown kind.</summary>
    public static string? NameOf(uint kind) => kind switch
    {
        Message or Decision => "decision",
        Heartbeat => "heartbeat",
        Claim => "claim",
        Ack => "ack",
        AgentCard => "agent_card",
        TrustAddKey => "trust_add_key",
        TrustRevokeKey => "trust_revoke_key",
        WireOpen => "wire_open",
        WireClose => "wire_close",
        _ => null,
    };

    /// <summary>True for a kind with a name.</summary>
    public static bool IsKnown(uint kind) => NameOf(kind) is not null;

    /// <summary>The class of a kind.</summary>
    public static EventKindClass ClassOf(uint kind) => kind switch
    {
        Message or (>= 1000 and <= 9999) => EventKindClass.Regular,
        Heartbeat or (>= 20000 and <= 29999) => EventKindClass.Ephemeral,
        >= 10000 and <= 19999 => EventKindClass.Replaceable,
        >= 30000 and <= 39999 => EventKindClass.Addressable,
        _ => EventKindClass.None,
    };

    /// <summary>The kind of an event as receivers read it: the low 32 bits of an unsigned integer, 0 for everything else.</summary>
    public static uint Read(WireJson value)
    {
        ArgumentNullException.ThrowIfNull(value);
        return value.GetUInt64("kind") is { } kind ? unchecked((uint)kind) : 0;
    }
}
