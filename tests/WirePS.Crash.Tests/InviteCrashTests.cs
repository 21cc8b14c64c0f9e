using WirePS.Identity;
using WirePS.Invites;
using WirePS.Pairing;
using WirePS.Trust;
using Xunit.Abstractions;

namespace WirePS.Crash.Tests;

/// <summary>
/// Every point at which the daemon of an issuer or of an acceptor can be killed while an invite is accepted. After each both
/// sides must end pinned, with one use burnt and whole journals.
/// </summary>
public sealed class InviteCrashTests(ITestOutputHelper output)
{
    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(60);

    [Theory]
    [InlineData("issuer", "write")]
    [InlineData("issuer", "send")]
    [InlineData("acceptor", "write")]
    [InlineData("acceptor", "send")]
    public async Task A_daemon_dies_while_an_invite_is_accepted(string who, string kind)
    {
        var points = 0;
        while (await RunAsync(who, $"{kind}:{points + 1}"))
        {
            points++;
            Assert.True(points < 200, "The ceremony has no end.");
        }

        output.WriteLine($"{who}: killed after each of {points} {kind}s; both sides pinned every time");

        // That the events are stored may be told to the relay when all is over.
        Assert.True(points >= 2, $"Only {points} points: the host does not count what it should.");
    }

    /// <summary>One invite; true where the process that was to die has died.</summary>
    private static async Task<bool> RunAsync(string who, string die)
    {
        var root = Directory.CreateTempSubdirectory("wireps-crash-").FullName;
        try
        {
            using var limit = new CancellationTokenSource(Patience);
            var ready = Path.Combine(root, "ready");
            await using var relay = Supervised.Start(null, "relay", "--data", Path.Combine(root, "relay"), "--url", "http://127.0.0.1:0", "--ready", ready);
            while (!File.Exists(ready))
            {
                await Task.Delay(10, limit.Token);
            }

            var url = await File.ReadAllTextAsync(ready, limit.Token);
            using var issuer = new WireEngine(WireHome.Resolve(Path.Combine(root, "issuer")));
            using var acceptor = new WireEngine(WireHome.Resolve(Path.Combine(root, "acceptor")));
            await acceptor.Settings.SetRelayAsync(url, limit.Token);
            var (invite, text) = await issuer.Invites.MintAsync(new InviteWish { Relay = url, Uses = 2 }, limit.Token);
            await using var issuerDaemon = Supervised.Start(who == "issuer" ? die : null, "daemon", "--home", issuer.Home.Root);
            await using var acceptorDaemon = Supervised.Start(who == "acceptor" ? die : null, "daemon", "--home", acceptor.Home.Root);

            var (key, pair) = await acceptor.Invites.AcceptAsync(text.Text, false, limit.Token);
            var paired = await acceptor.Pairing.WaitAsync(key, pair.Id, PairMilestone.Paired, null, limit.Token);
            Assert.True(paired.PeerAcked);
            RequirePinned(issuer, acceptor);
            RequirePinned(acceptor, issuer);
            Assert.Single(issuer.Invites.List().Single(i => i.InviteId == invite.InviteId).Accepted);

            // Where it died after the relay had its answer, the acknowledgement may be there before the answer is repeated.
            await RequireStoryAsync(acceptor, pair.Id, limit.Token, "request_guest polling paired", "request_guest paired");
            await RequireStoryAsync(issuer, invite.InviteId, limit.Token, "open used");
            while (issuer.Outbox.List().Count > 0)
            {
                await Task.Delay(20, limit.Token);
            }

            Assert.True(issuer.Journal.Verify().Valid && acceptor.Journal.Verify().Valid);
            var deaths = issuerDaemon.Deaths + acceptorDaemon.Deaths;
            Assert.True(deaths <= 1 && relay.Deaths == 0, $"A process ended by itself: {Log(issuer)}--\n{Log(acceptor)}");
            return deaths == 1;
        }
        catch (Exception error) when (error is OperationCanceledException or WireException)
        {
            throw new InvalidOperationException($"{who} killed at {die}: {error.Message}\n{Log(new WireEngine(WireHome.Resolve(Path.Combine(root, "issuer"))))}--\n{Log(new WireEngine(WireHome.Resolve(Path.Combine(root, "acceptor"))))}", error);
        }
        finally
        {
            Directory.Delete(root, recursive: true);
        }
    }

    private static void RequirePinned(WireEngine engine, WireEngine other)
    {
        var peer = Assert.Single(engine.Peers.List());
        Assert.Equal((TrustTier.Verified, "invite"), (peer.Tier, peer.Ceremony));
        Assert.Equal(other.Identity.Find()!.Card.PublicKey, peer.PublicKey);
        Assert.NotNull(peer.Grant);
        Assert.NotNull(engine.Mailboxes.FindRoute(peer.Handle));
    }

    // The journal's line follows its file.
    private static async Task RequireStoryAsync(WireEngine engine, string id, CancellationToken cancellationToken, params string[] stories)
    {
        while (!stories.Contains(Story()))
        {
            cancellationToken.ThrowIfCancellationRequested();
            await Task.Delay(20, cancellationToken);
        }

        string Story() => string.Join(' ', engine.Journal.Read(0).Where(e => e.Id == id).Select(static e => e.To));
    }

    private static string Log(WireEngine engine) =>
        File.Exists(engine.Home.DaemonLogFile) ? File.ReadAllText(engine.Home.DaemonLogFile) : "(no log)\n";
}
