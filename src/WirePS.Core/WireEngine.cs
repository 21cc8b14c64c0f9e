using WirePS.Cryptography;
using WirePS.Daemon;
using WirePS.Devices;
using WirePS.Handshakes;
using WirePS.Identity;
using WirePS.Invites;
using WirePS.Messaging;
using WirePS.Pairing;
using WirePS.Pairing.V1;
using WirePS.Pairing.V2;
using WirePS.Relay;
using WirePS.Storage;
using WirePS.Trust;

namespace WirePS;

/// <summary>What an engine takes from outside; each is the real one where nothing is given.</summary>
public sealed record WireSurroundings
{
    /// <summary>The files.</summary>
    public IFileSystem Files { get; init; } = DiskFileSystem.Instance;

    /// <summary>The clock.</summary>
    public TimeProvider Time { get; init; } = TimeProvider.System;

    /// <summary>Stretches codes of v2.</summary>
    public ICodeStretcher Stretcher { get; init; } = Argon2CodeStretcher.Instance;

    /// <summary>The group arithmetic of v2.</summary>
    public IPairingGroup Group { get; init; } = Edwards25519PairingGroup.Instance;

    /// <summary>Where random bytes come from.</summary>
    public IRandomSource Random { get; init; } = SystemRandomSource.Instance;

    /// <summary>The relays; null for those over HTTP.</summary>
    public IRelayConnections? Relays { get; init; }

    /// <summary>Tells the person; null for nobody.</summary>
    public INotifier? Notifier { get; init; }

    /// <summary>Starts daemon and relay as processes of their own.</summary>
    public IDetachedLauncher Launcher { get; init; } = DetachedLauncher.Instance;
}

/// <summary>Everything that works on one home, put together. Making one touches nothing.</summary>
public sealed class WireEngine : IDisposable
{
    private static readonly TimeSpan LeftoverAge = TimeSpan.FromMinutes(10);

    /// <summary>The engine of a home.</summary>
    /// <param name="home">The home.</param>
    /// <param name="surroundings">What it takes from outside; null for the real things.</param>
    public WireEngine(WireHome home, WireSurroundings? surroundings = null)
    {
        surroundings ??= new WireSurroundings();
        Home = home;
        Files = surroundings.Files;
        Time = surroundings.Time;
        Relays = surroundings.Relays ?? new HttpRelayConnections(Time);
        Journal = new Journal(home, Files);
        Settings = new HomeSettings(home, Files);
        Mailboxes = new MailboxBook(home, Files, Time);
        Trust = new TrustStore(home, Files, Mailboxes, Time);
        Identity = new IdentityStore(home, Files, Trust, surroundings.Random);
        Revocations = new GrantRevocations(home, Files, Mailboxes, Relays);
        Devices = new CardDeviceBook(home, Files, Identity, Trust, Time);
        PairTokens = new PairTokens(new PairTokenStore(home, Files, Time, Revocations.AddAsync), Devices, surroundings.Random);
        Rotations = new SlotRotations(home, Files, Mailboxes, Time);
        Peers = new PeerOperations(Trust, Mailboxes, Revocations, Rotations, Journal, Time);
        Directory = new HandleDirectory(Identity, Mailboxes, Peers, Relays);
        KnownRelays = new KnownRelays(home, Files, Time);
        Pairs = new PendingPairStore(home, Files, Journal, new UsedCodes(home, Files, Time));
        Outbox = new Outbox(home, Files);
        Post = new EventPost(Identity, Trust, Outbox, surroundings.Random, Time);
        Machines = new MachineBook(home, Files);
        MachineLinks = new MachineLinks(Machines, Identity, Trust, Peers, Mailboxes, Revocations, Post, Time);
        var (bareInvites, invites) = (new InviteProtocol(1), new InviteProtocol(2));
        var devices = new DeviceProtocol();
        var protocols = new PairProtocols([V1Protocol.Instance, new V2Protocol(surroundings.Stretcher, surroundings.Group), bareInvites, invites, devices]);
        var notifier = surroundings.Notifier ?? SilentNotifier.Instance;
        Runner = new PairRunner(Pairs, protocols, Relays, KnownRelays, Mailboxes, Identity, Trust, Peers, Revocations, Post, notifier, surroundings.Random, Time);
        Pairing = new PairOperations(Identity, Settings, Trust, Pairs, protocols, surroundings.Random, Time, home);
        var places = new MailPlaces(home, Files);
        Received = new ReceivedIndex(home, Files, Time);
        Refused = new RefusedEvents(home, Files);
        Intake = new EventIntake(home, Files, Trust, Identity, places, Received, Refused, Time);
        Reader = new MailboxReader(Relays, Mailboxes, places, Intake);
        Offers = new GrantOffers(Mailboxes, surroundings.Random);
        Sent = new SentMessages(home, Files);
        TrustPolicies = new TrustPolicies(home, Files, Time);
        var handshakeStore = new HandshakeStore(home, Files);
        TrustExchange = new TrustExchange(handshakeStore, Trust, Identity, Journal, Time);
        TrustWait = new TrustWait(home, Trust, Time);
        DaemonFiles = new DaemonFiles(home, Files, Time);
        Direct = new DirectPost(Identity, Mailboxes, Relays, DaemonFiles, new HandshakeDial(Time), surroundings.Random, Time);
        var handshakes = new HandshakeSurroundings(Identity, Trust, TrustPolicies, Mailboxes, Offers, Revocations, Rotations, Settings, Post, Outbox, Direct, Relays, Journal, surroundings.Random, Time);
        Requests = new TrustRequests(handshakeStore, handshakes);
        var requests = new TrustRequestTaker(Requests, handshakes);
        PeerRevocation = new PeerRevocation(Requests, handshakes);
        var trustAnswers = new TrustAnswerTaker(Requests, handshakes);
        var trustRevoked = new TrustRevokedTaker(PeerRevocation, Requests, handshakes);
        DirectIntake = new DirectIntake(requests, trustAnswers, trustRevoked, Requests, handshakes);
        OwnCard = new OwnCard(Identity, Trust, Mailboxes, Post);
        var issued = new InviteStore(home, Files);
        Invites = new InviteOperations(home, issued, Pairs, [bareInvites, invites], Identity, Settings, Trust, Mailboxes, Revocations, Relays, Journal, surroundings.Random, Time);
        var answers = new InviteTaker(issued, Identity, Trust, Mailboxes, Revocations, Post, Journal, surroundings.Random, Time);
        var admission = new DeviceAdmission(PairTokens, Devices, Identity, Trust, Peers, Mailboxes, Revocations, Post, OwnCard, Journal, notifier, Time);
        var passing = new DevicePassing(PairTokens, Trust, Post, Journal, Time);
        DeviceOperations = new DeviceOperations(admission, devices, PairTokens, Pairs, Identity, Settings, Trust, Mailboxes, Relays, Journal, surroundings.Random, Time);
        Intake.With(new PairDecidedTaker(Pairs, Runner, Trust, Identity))
            .With(new PairDropTaker(Identity, Trust).With(requests).With(trustAnswers).With(answers))
            .With(new InviteAnswerTaker(Pairs, protocols, Identity, Trust, Mailboxes, Time))
            .With(requests)
            .With(trustAnswers)
            .With(trustRevoked)
            .With(new CardTaker(Identity, Trust, Mailboxes, Post, Journal, Time))
            .With(new MailboxMovedTaker(Mailboxes, Journal, Time))
            .With(new DeviceRedeemTaker(admission, passing, new PassedRedeemTaker(admission, Trust, Mailboxes, Post), PairTokens, Identity, Trust, Mailboxes, Post))
            .With(new DeviceAnswerTaker(Pairs, devices, passing, Identity, Trust, Time))
            .With(new DeviceNewsTaker(Identity, Peers, Journal, notifier, Time))
            .With(new SharedPeerTaker(Identity, Trust, Peers, Revocations, Journal, Time))
            .With(new MachineAddressTaker(Machines, Identity, Trust, Mailboxes, Post));
        Sender = new OutboxSender(Outbox, Sent, Mailboxes, Machines, Trust, Relays, Journal, Direct, Time);
        Messenger = new Messenger(Post, Outbox, Sender, Time);
        History = new MessageHistory(home, Files, Trust, Identity, Received, Sent, Outbox);
        EventCheck = new EventCheck(Trust, Identity);
        Mail = new MailPass(Mailboxes, Reader, Intake, MachineLinks, Sender);
        Rotation = new SlotRotation(Rotations, Mailboxes, Trust, Directory, Offers, Revocations, Post, Reader, Relays, Journal, Time);
        Tick = new WireTick(Pairs, Runner, DeviceOperations, Revocations, Rotation, OwnCard, Requests, Mail);
        RetiredCodes = new RetiredCodes(Pairs, surroundings.Stretcher);
        DaemonControl = new DaemonControl(home, DaemonFiles, surroundings.Launcher, Time);
        LocalRelay = new LocalRelay(home, Files, surroundings.Launcher, Time);
    }

    /// <summary>Where everything stands.</summary>
    public WireHome Home { get; }

    /// <summary>The files.</summary>
    public IFileSystem Files { get; }

    /// <summary>The clock.</summary>
    public TimeProvider Time { get; }

    /// <summary>The relays.</summary>
    public IRelayConnections Relays { get; }

    /// <summary>The journal.</summary>
    public Journal Journal { get; }

    /// <summary>What is known of relays from before.</summary>
    public KnownRelays KnownRelays { get; }

    /// <summary>The settings.</summary>
    public HomeSettings Settings { get; }

    /// <summary>The mailboxes, and the routes to peers.</summary>
    public MailboxBook Mailboxes { get; }

    /// <summary>Whom the home trusts.</summary>
    public TrustStore Trust { get; }

    /// <summary>Who the home is.</summary>
    public IdentityStore Identity { get; }

    /// <summary>Grants to be revoked.</summary>
    public GrantRevocations Revocations { get; }

    /// <summary>Mailboxes to be moved.</summary>
    public SlotRotations Rotations { get; }

    /// <summary>Moves them.</summary>
    public SlotRotation Rotation { get; }

    /// <summary>The devices of this home's identity.</summary>
    public CardDeviceBook Devices { get; }

    /// <summary>What this home and the machines of its peers know of each other's mailboxes.</summary>
    public MachineBook Machines { get; }

    /// <summary>Keeps them in reach of each other.</summary>
    public MachineLinks MachineLinks { get; }

    /// <summary>The tokens that admit further devices.</summary>
    public PairTokens PairTokens { get; }

    /// <summary>What people do with devices.</summary>
    public DeviceOperations DeviceOperations { get; }

    /// <summary>The peers.</summary>
    public PeerOperations Peers { get; }

    /// <summary>The directories of relays.</summary>
    public HandleDirectory Directory { get; }

    /// <summary>The files of the pairings.</summary>
    public PendingPairStore Pairs { get; }

    /// <summary>Drives a pairing.</summary>
    public PairRunner Runner { get; }

    /// <summary>What people do with pairings.</summary>
    public PairOperations Pairing { get; }

    /// <summary>What people do with invites.</summary>
    public InviteOperations Invites { get; }

    /// <summary>What was taken from mailboxes.</summary>
    public ReceivedIndex Received { get; }

    /// <summary>What came from mailboxes and was passed over.</summary>
    public RefusedEvents Refused { get; }

    /// <summary>Takes events out of mailboxes.</summary>
    public EventIntake Intake { get; }

    /// <summary>Reads mailboxes.</summary>
    public MailboxReader Reader { get; }

    /// <summary>The events on their way.</summary>
    public Outbox Outbox { get; }

    /// <summary>Addresses of ours for peers.</summary>
    public GrantOffers Offers { get; }

    /// <summary>The messages that were sent.</summary>
    public SentMessages Sent { get; }

    /// <summary>Makes events.</summary>
    public EventPost Post { get; }

    /// <summary>Trust requests, received and sent.</summary>
    public TrustRequests Requests { get; }

    /// <summary>Sends messages of the handshake over connections of their own.</summary>
    public DirectPost Direct { get; }

    /// <summary>Takes messages of the handshake that came over connections of their own.</summary>
    public DirectIntake DirectIntake { get; }

    /// <summary>Who is trusted when they ask, and what else is decided without a person.</summary>
    public TrustPolicies TrustPolicies { get; }

    /// <summary>Waits until somebody is trusted.</summary>
    public TrustWait TrustWait { get; }

    /// <summary>Trust from and for another program.</summary>
    public TrustExchange TrustExchange { get; }

    /// <summary>Takes trust back.</summary>
    public PeerRevocation PeerRevocation { get; }

    /// <summary>Changes the card of this home, and tells the peers.</summary>
    public OwnCard OwnCard { get; }

    /// <summary>Delivers them.</summary>
    public OutboxSender Sender { get; }

    /// <summary>Sends messages.</summary>
    public Messenger Messenger { get; }

    /// <summary>The messages of this home.</summary>
    public MessageHistory History { get; }

    /// <summary>Checks events that somebody has.</summary>
    public EventCheck EventCheck { get; }

    /// <summary>One pass over mailboxes and outbox.</summary>
    public MailPass Mail { get; }

    /// <summary>One pass over everything.</summary>
    public WireTick Tick { get; }

    /// <summary>What the daemon and those who ask about it know of each other.</summary>
    public DaemonFiles DaemonFiles { get; }

    /// <summary>Finds ended pairings by the codes that they had.</summary>
    public RetiredCodes RetiredCodes { get; }

    /// <summary>Starts and stops the daemon.</summary>
    public DaemonControl DaemonControl { get; }

    /// <summary>Starts and stops a relay that runs from this home.</summary>
    public LocalRelay LocalRelay { get; }

    /// <summary>Takes the turn of a consumer of messages; dispose it to give the turn back.</summary>
    /// <param name="name">The consumer's name.</param>
    /// <param name="peerDids">Whose messages; null for all.</param>
    /// <exception cref="WireException"><see cref="WireReason.InvalidConsumer"/>; <see cref="WireReason.ConsumerBusy"/>.</exception>
    public MessageConsumer OpenConsumer(string name, IReadOnlyCollection<string>? peerDids = null) =>
        MessageConsumer.Open(Home, Files, Received, Trust, Identity, name, peerDids);

    /// <summary>Reads the mailboxes as soon as something comes, until it is cancelled: for whoever waits where no daemon runs.</summary>
    /// <param name="trouble">Takes each failure; what it keeps from being done is tried again.</param>
    /// <param name="cancellationToken">Ends it.</param>
    public Task ListenAsync(Action<WireException> trouble, CancellationToken cancellationToken) =>
        new MailboxListener(this, static _ => { }, trouble).RunAsync(cancellationToken);

    /// <summary>Refuses a home that another program is using (wireps.md §1): <see cref="WireReason.HomeInUse"/>.</summary>
    public WireEngine RequireOwnHome()
    {
        DaemonFiles.RequireNoForeignDaemon();
        return this;
    }

    /// <summary>
    /// Closes the folders of this home, and those of its files that hold no secrets, to other users where they were open
    /// to them (wireps.md §1). Files with secrets are not repaired: reading them is refused, for somebody may have read
    /// them before.
    /// </summary>
    /// <returns>What had to be closed.</returns>
    public IReadOnlyList<string> RepairPermissions() =>
    [
        .. PrivateFolders.Where(folder => System.IO.Directory.Exists(folder) && Files.EnsurePrivateFolder(folder)),
        .. ((string[])[Home.CardFile, Home.TrustFile, Home.SettingsFile, Home.TrustPolicyFile, Home.TrustedAgentsFile, Home.JournalFile, Home.RevocationsFile, Home.RotationsFile, Home.KnownRelaysFile, Home.UsedCodesFile, Home.DevicesFile, Home.PairTokenClockFile, Home.DaemonLogFile, Home.MailPlacesFile, Home.RefusedFile]).Where(Files.Narrow),
    ];

    /// <summary>Removes what processes that died left half-written; it may hold secrets.</summary>
    public void RemoveLeftovers()
    {
        foreach (var folder in PrivateFolders)
        {
            Files.RemoveLeftovers(folder, LeftoverAge);
        }
    }

    private string[] PrivateFolders =>
        [Home.ConfigFolder, Home.StateFolder, Home.PendingPairFolder, Home.PendingInviteFolder, Home.InboxFolder, Home.OutboxFolder, Home.SentFolder, Home.ConsumersFolder, Home.PairTokenFolder, Path.GetDirectoryName(Home.PairTokensFile)!];

    /// <inheritdoc/>
    public void Dispose() => Mailboxes.Dispose();
}
