using WirePS.Identity;
using WirePS.Messaging;
using WirePS.Relay;
using WirePS.Storage;
using WirePS.Trust;

namespace WirePS.Devices;

/// <summary>
/// Takes addresses of machines, 1101 <c>machine_address</c> (wireps.md §7): <c>of</c> whom it is, and <c>for</c> whom. They go
/// from a device to its root, from root to root, and from there to the machine that they are for; each hop takes only what its
/// sender may say, and no address that this home may not use.
/// </summary>
internal sealed class MachineAddressTaker(MachineBook book, IdentityStore identity, TrustStore trust, MailboxBook mailboxes, EventPost post) : IEventTaker
{
    /// <summary>The member that names the identity that the other machine belongs to, on the way between the machines of one identity.</summary>
    internal const string OwnerMember = "peer";

    private const int MaxDid = 256;

    /// <inheritdoc/>
    public IReadOnlyList<(uint Kind, string Type)> Types { get; } = [(EventTypes.KindOf(EventTypes.MachineAddress), EventTypes.MachineAddress)];

    /// <inheritdoc/>
    public async Task<IReadOnlyList<EventOutcome>> TakeAsync(IReadOnlyList<IncomingEvent> events, CancellationToken cancellationToken)
    {
        var own = identity.Find()!.Card;
        var outcomes = new List<EventOutcome>(events.Count);
        foreach (var item in events)
        {
            outcomes.Add(await TakeAsync(item, own, cancellationToken).ConfigureAwait(false));
        }

        return outcomes;
    }

    private async Task<EventOutcome> TakeAsync(IncomingEvent item, AgentCard own, CancellationToken cancellationToken)
    {
        if (!item.IsSealed || item.Body is not { IsObject: true } body || item.Sender is not { IsTrusted: true } sender
            || body.GetString("of") is not { Length: > 0 and <= MaxDid } of || body.GetString("for") is not { Length: > 0 and <= MaxDid } recipient
            || !Timestamps.TryParse(item.Event.Json.GetString("timestamp"), out var saidAt))
        {
            return EventOutcome.Refuse(EventRefusal.Malformed);
        }

        if (PeerRoute.In(body, item.Origin.RelayUrl) is not { } route)
        {
            return EventOutcome.Refuse(EventRefusal.Malformed, "The address is not usable.");
        }

        // A card may list anybody as a device, so between the machines of one identity it is said whose machine is meant.
        var owner = body.GetString(OwnerMember);
        var peers = trust.List().Where(static p => p.IsTrusted).ToList();
        var devices = DeviceEntry.ListOf(own);
        if (devices.Any(d => d.HasKey(sender.PublicKey)))
        {
            return of != sender.Did ? NotItsOwn() : Forward(peers.Find(p => p.SharedBy is null && p.Did == owner && Has(p, recipient)), of, recipient, route);
        }

        if (DeviceOperations.IsMember(sender, own.PublicKey) && recipient == own.Did)
        {
            return peers.Find(p => p.SharedBy == sender.Did && p.Did == owner && Has(p, of)) is { } shared ? await StoreAsync(shared, of, route, saidAt, cancellationToken).ConfigureAwait(false) : EventOutcome.Later;
        }

        // What a peer has as its own address was agreed on when it was pinned.
        return of == sender.Did && recipient == own.Did ? NotItsOwn()

            // Its card may be on its way still.
            : !Has(sender, of) ? EventOutcome.Later
            : recipient == own.Did ? await StoreAsync(sender, of, route, saidAt, cancellationToken).ConfigureAwait(false)
            : Forward(peers.Find(p => p.Did == recipient && devices.Any(d => d.HasKey(p.PublicKey))), of, recipient, route, owner: sender.Did);
    }

    private static bool Has(TrustEntry peer, string machine) => peer.Did == machine || peer.Devices.Any(d => d.Did == machine);

    private static EventOutcome NotItsOwn() => EventOutcome.Refuse(EventRefusal.RightMissing, "The sender has no say in this address.");

    private async Task<EventOutcome> StoreAsync(TrustEntry peer, string machine, PeerRoute route, DateTimeOffset saidAt, CancellationToken cancellationToken)
    {
        var isNewest = machine == peer.Did
            ? await mailboxes.MoveRouteAsync(peer.Handle, route, saidAt, cancellationToken).ConfigureAwait(false)
            : await book.SetAsync(new PeerMachine(peer.Did, machine), route, saidAt, cancellationToken).ConfigureAwait(false);
        return isNewest ? EventOutcome.Done : EventOutcome.Refuse(EventRefusal.Expired, "A newer address of the machine is known.");
    }

    // What was checked and nothing else; who it is for checks it again.
    private EventOutcome Forward(TrustEntry? next, string machine, string recipient, PeerRoute route, string? owner = null)
    {
        if (next is null)
        {
            return EventOutcome.Later;
        }

        if (next.SpeaksWirePS && mailboxes.FindRoute(next.Handle) is not null)
        {
            post.TryToPeer(next, EventTypes.MachineAddress, MachineLinks.AddressBody(machine, recipient, owner)
                .With("relay_url", route.RelayUrl)
                .With("slot_id", route.SlotId)
                .With("slot_token", route.SlotToken));
        }

        return EventOutcome.Done;
    }
}
