using System.Globalization;
using WirePS.Messaging;
using WirePS.Relay;
using WirePS.Trust;

namespace WirePS.Pairing.V2;

/// <summary>The work that a v2 pairing asks for. Each may be done twice without harm.</summary>
internal abstract record V2Work : PairEffect.Work
{
    private static V2PairSide SideOf(PendingPair pair) => new(pair.CodeHash, pair.Role, pair.SideToken!);

    /// <summary>A relay without v2 that has served it before is another thing than one that never did.</summary>
    private static async Task<T> AskAsync<T>(PairSurroundings surroundings, PendingPair pair, Func<IV2PairRoutes, Task<T>> ask)
    {
        try
        {
            return await ask(surroundings.Relay.V2Pairs).ConfigureAwait(false);
        }
        catch (RelayException error) when (error.Reason == WireReason.RelayWithoutV2 && surroundings.Relays.HasSpokenV2(pair.RelayUrl))
        {
            throw PairWork.Downgraded(pair.RelayUrl);
        }
    }

    /// <summary>Posts one of our messages.</summary>
    /// <param name="Phase">Which.</param>
    internal sealed record Put(int Phase) : V2Work
    {
        public override async Task<PairInput?> RunAsync(PairSurroundings surroundings, PendingPair pair, TimeSpan wait, CancellationToken cancellationToken)
        {
            var lifetime = Phase == 0 && pair.Role == PairRole.Host ? pair.ExpiresAt - surroundings.Time.GetUtcNow() : null;
            var reply = await AskAsync(surroundings, pair, r => r.PutAsync(SideOf(pair), Phase, pair.Messages.Sent[NameOf(Phase)], lifetime, cancellationToken)).ConfigureAwait(false);
            if (reply.Refusal is null)
            {
                await surroundings.Relays.RememberV2Async(pair.RelayUrl, cancellationToken).ConfigureAwait(false);
            }

            return new V2Input.Put(Phase, reply);
        }
    }

    /// <summary>Waits for more of the other side than we hold, or only looks.</summary>
    /// <param name="Waits">True to wait.</param>
    internal sealed record Await(bool Waits) : V2Work
    {
        public override bool IsWait => Waits;

        public override async Task<PairInput?> RunAsync(PairSurroundings surroundings, PendingPair pair, TimeSpan wait, CancellationToken cancellationToken)
        {
            // Whoever is pinned keeps no messages of the peer's, and waits for the last one only.
            var known = new V2Known(pair.IsEnded ? 2 : V2Protocol.Contiguous(pair.Messages.Received), Math.Max(-1, pair.Posted), pair.Crowded);
            var view = await AskAsync(surroundings, pair, r => r.ReadAsync(SideOf(pair), known, wait, cancellationToken)).ConfigureAwait(false);
            string? relayId = null;
            if (view.Refusal == V2Refusal.NoRendezvous && !V2Protocol.IsWaitingForHost(pair))
            {
                relayId = (await surroundings.Relay.GetInfoAsync(cancellationToken).ConfigureAwait(false))?.RelayId;
            }

            // Only commitments, shares and cards are answered as somebody.
            return new V2Input.Seen(view, relayId, view.Messages.Any(static m => m.Phase < 2) ? surroundings.Identity.Open() : null);
        }
    }

    /// <summary>Pins the peer, with the address it gave.</summary>
    internal sealed record Pin : V2Work
    {
        public override async Task<PairInput?> RunAsync(PairSurroundings surroundings, PendingPair pair, TimeSpan wait, CancellationToken cancellationToken)
        {
            var request = new PinRequest(V2Protocol.PeerCard(pair), TrustTier.Verified, "sas-v2", "person", "sas", V2Protocol.PeerRouteOf(pair), PairWork.GivenBy(pair));
            var conflict = await surroundings.Trust.PinAsync(request, surroundings.Revocations.AddAsync, cancellationToken).ConfigureAwait(false);
            return conflict is null ? new PairInput.Pinned() : new PairInput.PinRefused(conflict);
        }
    }

    /// <summary>Tells the peer by its mailbox what the rendezvous has not told it yet, or it us.</summary>
    internal sealed record Tell : V2Work
    {
        public override Task<PairInput?> RunAsync(PairSurroundings surroundings, PendingPair pair, TimeSpan wait, CancellationToken cancellationToken)
        {
            if (PairDecidedTaker.BodyOf(pair) is { } body && surroundings.Trust.Find(pair.PeerDid!) is { } peer)
            {
                surroundings.Post.TryToPeer(peer, EventTypes.PairDecided, body);
            }

            return Task.FromResult<PairInput?>(new V2Input.HasTold());
        }
    }

    /// <summary>Leaves the rendezvous: both sides are pinned.</summary>
    internal sealed record Finish : V2Work
    {
        public override async Task<PairInput?> RunAsync(PairSurroundings surroundings, PendingPair pair, TimeSpan wait, CancellationToken cancellationToken)
        {
            await AskAsync(surroundings, pair, r => r.LeaveAsync(SideOf(pair), "done", cancellationToken)).ConfigureAwait(false);
            return new PairInput.Left(PairLeaving.Finish);
        }
    }

    internal static string NameOf(int phase) => phase.ToString(CultureInfo.InvariantCulture);
}
