using WirePS.Identity;
using WirePS.Relay;

namespace WirePS.Pairing.V2;

/// <summary>What comes back from the work of a v2 pairing.</summary>
internal abstract record V2Input : PairInput
{
    /// <summary>The relay answered to one of our messages.</summary>
    /// <param name="Phase">Which.</param>
    /// <param name="Reply">What it said.</param>
    internal sealed record Put(int Phase, V2PutReply Reply) : V2Input;

    /// <summary>What the relay holds of the other side.</summary>
    /// <param name="View">That.</param>
    /// <param name="RelayId">Which data it has, where it does not know the rendezvous; else null.</param>
    /// <param name="Own">Who we are, to answer a share with; null where there is none to answer.</param>
    internal sealed record Seen(V2View View, string? RelayId, OwnIdentity? Own) : V2Input, IDisposable
    {
        /// <inheritdoc/>
        public void Dispose() => Own?.Dispose();

        /// <inheritdoc/>
        public override string ToString() => nameof(Seen);
    }

    /// <summary>The other side has told, past the rendezvous, what it had posted there.</summary>
    /// <param name="Accept">Its phase 2.</param>
    /// <param name="Ack">Its phase 3.</param>
    internal sealed record Told(string Accept, string Ack) : V2Input
    {
        /// <inheritdoc/>
        public override string ToString() => nameof(Told);
    }

    /// <summary>This side has told the other one, or has nothing to tell with.</summary>
    internal sealed record HasTold : V2Input;
}
