using WirePS.Cryptography;
using WirePS.Messaging;
using WirePS.Trust;

namespace WirePS.Handshakes;

/// <summary>A message as it came over a connection of its own.</summary>
/// <param name="Bytes">The whole message.</param>
/// <param name="Source">The address that the connection came from.</param>
public sealed record DirectArrival(byte[] Bytes, string Source)
{
    /// <inheritdoc/>
    public override string ToString() => $"{Bytes.Length} bytes from {Source}";
}

/// <summary>
/// Takes messages of the handshake that came over connections of their own (wireps.md §8). Such a connection says nothing of
/// who is at its other end: every type needs the signature of the key that it is bound to, and is good for five minutes.
/// </summary>
public sealed class DirectIntake
{
    private readonly TrustRequestTaker _requests;
    private readonly TrustAnswerTaker _answers;
    private readonly TrustRevokedTaker _revoked;
    private readonly TrustRequests _state;
    private readonly HandshakeSurroundings _around;

    internal DirectIntake(TrustRequestTaker requests, TrustAnswerTaker answers, TrustRevokedTaker revoked, TrustRequests state, HandshakeSurroundings surroundings)
    {
        _requests = requests;
        _answers = answers;
        _revoked = revoked;
        _state = state;
        _around = surroundings;
    }

    /// <summary>Takes messages, those that ask in one write; one that does not hold, or cannot be taken, is passed over, and its sender is not told.</summary>
    /// <param name="arrivals">The messages.</param>
    /// <param name="cancellationToken">Cancels.</param>
    /// <param name="failed">Takes each failure over one of them; the others are taken all the same.</param>
    /// <returns>How many had an effect.</returns>
    /// <exception cref="WireException">The files of the home; nothing is left to be done for any of the messages then.</exception>
    public async Task<int> TakeAsync(IReadOnlyList<DirectArrival> arrivals, CancellationToken cancellationToken, Action<Exception>? failed = null)
    {
        if (_around.Identity.Find() is not { } own)
        {
            return 0;
        }

        var allowsOlder = _around.Policies.TryRead().Policy?.AllowOlderSignature == true;
        var known = _state.Load();
        var asking = new List<PendingRequest>();
        var seen = new HashSet<string>(StringComparer.Ordinal);
        var taken = 0;
        foreach (var (bytes, source) in arrivals)
        {
            try
            {
                if (DirectMessage.Read(bytes, own.Card, allowsOlder, _around.Time.GetUtcNow(), out _) is not { } message || known.IsSpent(message.Message))
                {
                    continue;
                }

                if (message.Message.Type == TrustMessageType.Request)
                {
                    // Of copies that came together the first one counts.
                    if (seen.Add(message.Message.Id))
                    {
                        asking.Add(RequestOf(message, source));
                    }
                }
                else if (await AnsweredAsync(message, cancellationToken).ConfigureAwait(false) == EventOutcome.Done)
                {
                    taken++;
                    known = _state.Load();
                }
            }
            catch (Exception error) when (EventFault.IsOfEvent(error))
            {
                failed?.Invoke(error);
            }
        }

        if (asking.Count > 0)
        {
            taken += (await _requests.DecideAsync(asking, cancellationToken).ConfigureAwait(false)).Count(static o => o == EventOutcome.Done);
        }

        return taken;
    }

    private PendingRequest RequestOf(DirectMessage message, string source) =>
        new(message.Message.Id, _around.Time.GetUtcNow(), message.Card, message.PublicKey, Printable.Of(message.Message.Justification), message.Message.Nonce, null, null, false)
        {
            NodeId = message.NodeId,
            Source = source,
            Answer = message.AnswerPort is { } port ? new DirectAddress(source, port) : null,
            IsAddressed = message.Card is null || message.Message.ToKey is not null,
        };

    private Task<EventOutcome> AnsweredAsync(DirectMessage message, CancellationToken cancellationToken)
    {
        if (message.Message.Type == TrustMessageType.Revoke)
        {
            return _around.Trust.FindKey(message.PublicKey) is { IsTrusted: true } peer && MayBe(peer, message)
                ? _revoked.EndAsync(peer, message.Message, cancellationToken)
                : Task.FromResult(EventOutcome.Refuse(EventRefusal.NotExpected));
        }

        // The older signature names no request: only a home whose card is known is asked, and that one has a signature of ours.
        return message.Card is { } card
            ? _answers.TakeAsync(message.Message, card, _around.Direct.Open(message), cancellationToken)
            : Task.FromResult(EventOutcome.Refuse(EventRefusal.NotExpected));
    }

    // A peer whose card is known has a signature of ours; the older one, which anybody could have kept, does not end that.
    private static bool MayBe(TrustEntry peer, DirectMessage message) => message.Card is not null || peer.Card is null;
}
