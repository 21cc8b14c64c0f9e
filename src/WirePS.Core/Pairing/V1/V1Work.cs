using WirePS.Relay;
using WirePS.Trust;

namespace WirePS.Pairing.V1;

/// <summary>The work that a v1 pairing asks for. Each may be done twice without harm.</summary>
internal abstract record V1Work : PairEffect.Work
{
    /// <summary>Asks a relay that does not know the rendezvous which data it has.</summary>
    private static async Task<PairInput?> GoneAsync(PairSurroundings surroundings, CancellationToken cancellationToken)
    {
        var info = await surroundings.Relay.GetInfoAsync(cancellationToken).ConfigureAwait(false);
        return new V1Input.Gone(info?.RelayId);
    }

    /// <summary>Draws the secret of a pairing that another program asked for.</summary>
    internal sealed record DrawSeed : V1Work
    {
        public override Task<PairInput?> RunAsync(PairSurroundings surroundings, PendingPair pair, TimeSpan wait, CancellationToken cancellationToken)
        {
            var random = new byte[80];
            surroundings.Random.Fill(random);
            var grant = new Grant(Convert.ToHexStringLower(random.AsSpan(32, 16)), Convert.ToHexStringLower(random.AsSpan(48)));
            return Task.FromResult<PairInput?>(new V1Input.SeedDrawn(random.AsMemory(0, 32), grant));
        }
    }

    /// <summary>Posts our message.</summary>
    internal sealed record Open : V1Work
    {
        public override async Task<PairInput?> RunAsync(PairSurroundings surroundings, PendingPair pair, TimeSpan wait, CancellationToken cancellationToken)
        {
            var opening = await surroundings.Relay.V1Pairs.OpenAsync(RequestOf(pair, surroundings.Time.GetUtcNow()), cancellationToken).ConfigureAwait(false);
            return opening is null ? new V1Input.RoleTaken() : new V1Input.Opened(opening.PairId, opening.ExpiresAt);
        }

        private static V1OpenRequest RequestOf(PendingPair pair, DateTimeOffset now) =>
            new(pair.CodeHash, pair.Role, pair.Messages.Sent[V1Protocol.Msg], pair.ExpiresAt!.Value - now);
    }

    /// <summary>Waits for more of the other side than we hold.</summary>
    /// <param name="Have">What we hold.</param>
    internal sealed record Await(V1Have Have) : V1Work
    {
        public override bool IsWait => true;

        public override async Task<PairInput?> RunAsync(PairSurroundings surroundings, PendingPair pair, TimeSpan wait, CancellationToken cancellationToken)
        {
            var view = await surroundings.Relay.V1Pairs.ReadAsync(pair.PairId!, pair.Role, Have, wait, cancellationToken).ConfigureAwait(false);
            return view is null ? await GoneAsync(surroundings, cancellationToken).ConfigureAwait(false) : new V1Input.Seen(view);
        }
    }

    /// <summary>Posts our sealed bootstrap.</summary>
    internal sealed record Post : V1Work
    {
        public override async Task<PairInput?> RunAsync(PairSurroundings surroundings, PendingPair pair, TimeSpan wait, CancellationToken cancellationToken) =>
            await surroundings.Relay.V1Pairs.PostBootstrapAsync(pair.PairId!, pair.Role, pair.Messages.Sent[V1Protocol.Bootstrap], cancellationToken).ConfigureAwait(false) switch
            {
                V1PostResult.Posted => new V1Input.Posted(),
                V1PostResult.Conflict => new V1Input.PostRefused(),
                _ => await GoneAsync(surroundings, cancellationToken).ConfigureAwait(false),
            };
    }

    /// <summary>Pins the peer, with the address it gave.</summary>
    internal sealed record Pin : V1Work
    {
        public override async Task<PairInput?> RunAsync(PairSurroundings surroundings, PendingPair pair, TimeSpan wait, CancellationToken cancellationToken)
        {
            try
            {
                var (card, route) = V1Bootstrap.OpenPeer(pair);
                var conflict = await surroundings.Trust.PinAsync(new PinRequest(card, TrustTier.Verified, "sas-v1", "person", "sas", route, PairWork.GivenBy(pair)), surroundings.Revocations.AddAsync, cancellationToken).ConfigureAwait(false);
                return conflict is null ? new PairInput.Pinned() : new PairInput.PinRefused(conflict);
            }
            catch (WireException error) when (error.Reason is WireReason.SelfPairing or WireReason.InvalidCard or WireReason.ProtocolError)
            {
                return new PairInput.PeerRefused(error.Reason == WireReason.InvalidCard ? WireReason.IdentityMismatch : error.Reason);
            }
        }
    }

    /// <summary>Ends a rendezvous that we opened.</summary>
    internal sealed record Abandon : V1Work
    {
        public override async Task<PairInput?> RunAsync(PairSurroundings surroundings, PendingPair pair, TimeSpan wait, CancellationToken cancellationToken)
        {
            await surroundings.Relay.V1Pairs.AbandonAsync(pair.CodeHash, cancellationToken).ConfigureAwait(false);
            return new PairInput.Left(PairLeaving.Abandon);
        }
    }

    /// <summary>Ends a rendezvous that this side had confirmed, and learns whether it came too late.</summary>
    internal sealed record Withdraw : V1Work
    {
        public override async Task<PairInput?> RunAsync(PairSurroundings surroundings, PendingPair pair, TimeSpan wait, CancellationToken cancellationToken)
        {
            // Our relay deletes what is not decided: what it shows afterwards is.
            await surroundings.Relay.V1Pairs.AbandonAsync(pair.CodeHash, cancellationToken).ConfigureAwait(false);
            var view = pair.PairId is null ? null
                : await surroundings.Relay.V1Pairs.ReadAsync(pair.PairId, pair.Role, V1Have.None, TimeSpan.Zero, cancellationToken).ConfigureAwait(false);
            return view?.PeerBootstrap is null ? await GoneAsync(surroundings, cancellationToken).ConfigureAwait(false) : new V1Input.Decided(view);
        }
    }

    /// <summary>Tells the relay that we have pinned the peer.</summary>
    internal sealed record Finish : V1Work
    {
        public override async Task<PairInput?> RunAsync(PairSurroundings surroundings, PendingPair pair, TimeSpan wait, CancellationToken cancellationToken)
        {
            await surroundings.Relay.V1Pairs.FinishAsync(pair.CodeHash, pair.PairId!, pair.Role, cancellationToken).ConfigureAwait(false);
            return new PairInput.Left(PairLeaving.Finish);
        }
    }
}
