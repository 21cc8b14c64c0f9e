namespace WirePS.Identity;

/// <summary>
/// Where everything of one identity stands (wireps.md §1, wire.md §10). A home is a place, not a state: making this
/// object touches nothing.
/// </summary>
public sealed class WireHome
{
    private WireHome(string root, string configFolder, string stateFolder)
    {
        Root = root;
        ConfigFolder = configFolder;
        StateFolder = stateFolder;
    }

    /// <summary>What a person would name: the folder given, or the state folder of the platform.</summary>
    public string Root { get; }

    /// <summary>Keys, card, trust, settings.</summary>
    public string ConfigFolder { get; }

    /// <summary>Pairings, journal, daemon.</summary>
    public string StateFolder { get; }

    /// <summary>The 32-byte Ed25519 seed.</summary>
    public string PrivateKeyFile => Path.Combine(ConfigFolder, "private.key");

    /// <summary>The signed agent card.</summary>
    public string CardFile => Path.Combine(ConfigFolder, "agent-card.json");

    /// <summary>Whom this home trusts.</summary>
    public string TrustFile => Path.Combine(ConfigFolder, "trust.json");

    /// <summary>Mailboxes of this home, and routes to its peers.</summary>
    public string RelayFile => Path.Combine(ConfigFolder, "relay.json");

    /// <summary>The settings of this home.</summary>
    public string SettingsFile => Path.Combine(ConfigFolder, "settings.json");

    /// <summary>What is done with requests for trust without a person.</summary>
    public string TrustPolicyFile => Path.Combine(ConfigFolder, "trust-policy.json");

    /// <summary>Who is trusted when they ask.</summary>
    public string TrustedAgentsFile => Path.Combine(ConfigFolder, "trusted-agents.json");

    /// <summary>Present: no desktop notifications.</summary>
    public string QuietFile => Path.Combine(ConfigFolder, "quiet");

    /// <summary>One file per pairing.</summary>
    public string PendingPairFolder => Path.Combine(StateFolder, "pending-pair");

    /// <summary>One file per invite that this home has issued.</summary>
    public string PendingInviteFolder => Path.Combine(StateFolder, "pending-invites");

    /// <summary>The hash-chained journal.</summary>
    public string JournalFile => Path.Combine(StateFolder, "journal.jsonl");

    /// <summary>What is known of relays from before.</summary>
    public string KnownRelaysFile => Path.Combine(StateFolder, "relays.json");

    /// <summary>Hashes of the codes that this home has opened.</summary>
    public string UsedCodesFile => Path.Combine(StateFolder, "used-codes.json");

    /// <summary>Grants that are still to be revoked at their relays.</summary>
    public string RevocationsFile => Path.Combine(StateFolder, "revocations.json");

    /// <summary>Mailboxes of this home that are being moved, because a peer that has gone holds their tokens.</summary>
    public string RotationsFile => Path.Combine(StateFolder, "rotations.json");

    /// <summary>The events of each peer as they came, one file a peer (wire.md §9.3).</summary>
    public string InboxFolder => Path.Combine(StateFolder, "inbox");

    /// <summary>What was taken from mailboxes, in order: the index of the inbox, and the memory that lets no event in twice.</summary>
    public string ReceivedFile => Path.Combine(StateFolder, "received.jsonl");

    /// <summary>Trust requests, received and sent, and the memory against their replay.</summary>
    public string HandshakeFile => Path.Combine(StateFolder, "handshake.json");

    /// <summary>Events that were refused and passed over.</summary>
    public string RefusedFile => Path.Combine(StateFolder, "refused.jsonl");

    /// <summary>Events whose sender is not known yet.</summary>
    public string ParkedFile => Path.Combine(StateFolder, "parked.json");

    /// <summary>How far each mailbox of this home has been read.</summary>
    public string MailPlacesFile => Path.Combine(StateFolder, "mail-places.json");

    /// <summary>Events on their way, one file each.</summary>
    public string OutboxFolder => Path.Combine(StateFolder, "outbox");

    /// <summary>The messages sent to each peer, one file a peer.</summary>
    public string SentFolder => Path.Combine(StateFolder, "sent");

    /// <summary>How far each consumer has taken the messages.</summary>
    public string ConsumersFolder => Path.Combine(StateFolder, "consumers");

    /// <summary>Pair tokens that say nothing but whom they are for, as hashes, in the form of another program (pair-token.md §3).</summary>
    public string PairTokensFile => Path.Combine(Root, "etc", "pair-tokens.toml");

    /// <summary>One file for every other pair token, named by its hash (wireps.md §7).</summary>
    public string PairTokenFolder => Path.Combine(StateFolder, "pair-tokens");

    /// <summary>The highest time that the pair tokens have seen.</summary>
    public string PairTokenClockFile => Path.Combine(StateFolder, "pair-token-clock.json");

    /// <summary>What this home alone knows of its devices; the rest stands on its card.</summary>
    public string DevicesFile => Path.Combine(ConfigFolder, "devices.json");

    /// <summary>Addresses of the machines of peers, and those that they were given; secrets.</summary>
    public string MachinesFile => Path.Combine(StateFolder, "machines.json");

    /// <summary>Who the daemon of this home is (wire.md §6.3).</summary>
    public string DaemonPidFile => Path.Combine(StateFolder, "daemon.pid");

    /// <summary>Held by the daemon for as long as it lives.</summary>
    public string DaemonLockFile => Path.Combine(StateFolder, "daemon.lock");

    /// <summary>What the daemon has to say.</summary>
    public string DaemonLogFile => Path.Combine(StateFolder, "daemon.log");

    /// <summary>The relay that runs from this home, where one does.</summary>
    public string RelayStateFolder => Path.Combine(StateFolder, "relay");

    /// <summary>The lock that guards <paramref name="name"/>, a store of this home.</summary>
    public string LockFile(string name) => Path.Combine(StateFolder, "locks", name + ".lock");

    /// <summary>True where somebody has said which home: the caller, or <c>WIRE_HOME</c>.</summary>
    public static bool IsNamed(string? folder) => (folder ?? NonEmpty("WIRE_HOME")) is not null;

    /// <summary>
    /// The home to use: the folder given, else <c>WIRE_HOME</c>, else folders named <c>wireps</c> in the platform's
    /// places for configuration and state.
    /// </summary>
    /// <param name="folder">What the caller gave; null for none. A relative path counts from the current folder.</param>
    public static WireHome Resolve(string? folder)
    {
        folder ??= NonEmpty("WIRE_HOME");
        var (config, state) = PlatformFolders();
        if (folder is null)
        {
            return new WireHome(state, config, state);
        }

        // Objects carry the root of their home; that of the platform's home leads back to it.
        var root = Path.GetFullPath(folder);
        return root == state
            ? new WireHome(state, config, state)
            : new WireHome(root, Path.Combine(root, "config", "wire"), Path.Combine(root, "state", "wire"));
    }

    private static (string Config, string State) PlatformFolders()
    {
        if (OperatingSystem.IsWindows())
        {
            return (
                Path.Combine(Environment.GetFolderPath(Environment.SpecialFolder.ApplicationData), "wireps"),
                Path.Combine(Environment.GetFolderPath(Environment.SpecialFolder.LocalApplicationData), "wireps"));
        }

        var user = Environment.GetFolderPath(Environment.SpecialFolder.UserProfile);
        if (OperatingSystem.IsMacOS())
        {
            var support = Path.Combine(user, "Library", "Application Support", "wireps");
            return (support, Path.Combine(support, "state"));
        }

        return (
            Path.Combine(NonEmpty("XDG_CONFIG_HOME") ?? Path.Combine(user, ".config"), "wireps"),
            Path.Combine(NonEmpty("XDG_STATE_HOME") ?? Path.Combine(user, ".local", "state"), "wireps"));
    }

    private static string? NonEmpty(string variable)
    {
        var value = Environment.GetEnvironmentVariable(variable);
        return string.IsNullOrEmpty(value) ? null : value;
    }
}
