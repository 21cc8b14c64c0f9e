using WirePS.Relay;
using WirePS.Storage;

namespace WirePS.Identity;

/// <summary>The settings of a home: which relay it uses where a command does not say.</summary>
/// <param name="home">The home.</param>
/// <param name="files">Its files.</param>
public sealed class HomeSettings(WireHome home, IFileSystem files)
{
    // Stands for the relay of a home that has none set.
    private const string AnyPublicRelay = "https://relay.example.org";

    private readonly JsonFile _file = new(files, home.SettingsFile, home.LockFile("settings"));

    /// <summary>The home's own relay; null where none is set.</summary>
    public string? Relay => _file.Get(static tree => (string?)tree?["relay"]);

    /// <summary>Sets the home's own relay.</summary>
    /// <param name="url">In the one spelling of <see cref="RelayUrl"/>; null to have none.</param>
    /// <param name="cancellationToken">Cancels.</param>
    public Task SetRelayAsync(string? url, CancellationToken cancellationToken) => _file.UpdateAsync(
        tree =>
        {
            tree["version"] = 1;
            tree["relay"] = url;
            return true;
        },
        cancellationToken);

    /// <summary>
    /// The relay of a command (wireps.md §1): what it was given, else the home's own, else <c>WIRE_RELAY</c>, else
    /// <see cref="WireReason.RelayNotConfigured"/>.
    /// </summary>
    /// <param name="given">What the command was given; null for nothing.</param>
    /// <param name="allowInsecure">True where plain http to another machine is accepted.</param>
    public string ResolveRelay(string? given, bool allowInsecure)
    {
        if (given is not null)
        {
            return RelayUrl.Parse(given, allowInsecure);
        }

        // What is set was checked when it was set; that it may be plain http was said then.
        if (Relay is { } own)
        {
            return own;
        }

        return Environment.GetEnvironmentVariable("WIRE_RELAY") is { Length: > 0 } fromEnvironment
            ? RelayUrl.Parse(fromEnvironment, allowInsecure)
            : throw new WireException(WireReason.RelayNotConfigured);
    }

    /// <summary>
    /// Whether a relay that a text from elsewhere names is used, by the rule of peers' addresses: none on this machine or in its
    /// network, unless the home's own relay is there as well.
    /// </summary>
    /// <param name="relayUrl">The relay.</param>
    public bool MayUse(string relayUrl) => RelayUrl.IsUsableRoute(relayUrl, FindRelay() ?? AnyPublicRelay, out _);

    /// <summary>The relay of a command that is told none; null where the home has none.</summary>
    public string? FindRelay()
    {
        try
        {
            return ResolveRelay(null, allowInsecure: true);
        }
        catch (WireException error) when (error.Reason is WireReason.RelayNotConfigured or WireReason.RelayInvalidUrl)
        {
            return null;
        }
    }
}
