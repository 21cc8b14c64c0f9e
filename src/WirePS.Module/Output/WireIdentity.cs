namespace WirePS.Module.Output;

/// <summary>Who a home is, and which relay it uses.</summary>
public sealed class WireIdentity
{
    /// <summary>Its name.</summary>
    public required string Handle { get; init; }

    /// <summary>Its DID.</summary>
    public required string Did { get; init; }

    /// <summary>The fingerprint of its key: what two people compare.</summary>
    public required string Fingerprint { get; init; }

    /// <summary>The relay that it uses where a command does not say; nothing where none is set.</summary>
    public string? Relay { get; init; }

    /// <summary>Keys, card, trust and settings.</summary>
    public required string ConfigFolder { get; init; }

    /// <summary>Pairings, journal and daemon.</summary>
    public required string StateFolder { get; init; }

    /// <summary>The home.</summary>
    public required string WireHome { get; init; }

    internal static WireIdentity Of(Identity.WireIdentity identity, WireEngine engine) => new()
    {
        Handle = identity.Handle,
        Did = identity.Did,
        Fingerprint = identity.Fingerprint,
        Relay = engine.Settings.DefaultRelay(),
        ConfigFolder = engine.Home.ConfigFolder,
        StateFolder = engine.Home.StateFolder,
        WireHome = engine.Home.Root,
    };

    /// <summary>The DID.</summary>
    public override string ToString() => Did;
}
