using WirePS.Devices;
using WirePS.Identity;
using WirePS.Trust;

namespace WirePS.Messaging;

/// <summary>What checking an event found.</summary>
/// <param name="Verdict">What became of signature and key (wire.md §2.4).</param>
/// <param name="Event">The event; null where the text is none.</param>
/// <param name="Sender">Whose key it is checked against; null where nobody of that DID is known.</param>
/// <param name="IsOwn">True where this home itself signed it.</param>
/// <param name="IsForThisHome">True where it is addressed to this home.</param>
public sealed record EventFinding(EventVerdict Verdict, SignedEvent? Event, TrustEntry? Sender, bool IsOwn, bool IsForThisHome)
{
    /// <summary>The device of the sender whose key it is checked against; null where that is the sender's own.</summary>
    public DeviceEntry? Device { get; init; }

    /// <summary>True where the event is what a known and unrevoked key has signed. To whom it is addressed, and when it was made, is another matter.</summary>
    public bool IsValid => Verdict == EventVerdict.Valid && Sender?.RevokedAt is null;
}

/// <summary>Checks events that somebody has, without taking them (wire.md §9.5, <c>verify</c>).</summary>
/// <param name="trust">The peers.</param>
/// <param name="identity">This home itself.</param>
public sealed class EventCheck(TrustStore trust, IdentityStore identity)
{
    private const int MaxEventBytes = 512 * 1024;

    /// <summary>Checks the text of an event. Never fails for what it says.</summary>
    public EventFinding Check(byte[] utf8) =>
        utf8.Length <= MaxEventBytes && WireJson.TryParse(utf8, out var json) && json.IsObject
            ? Check(SignedEvent.FromJson(json))
            : new EventFinding(EventVerdict.MissingFrom, null, null, false, false);

    /// <summary>Checks an event.</summary>
    public EventFinding Check(SignedEvent item)
    {
        var own = identity.Find();
        var isForUs = own is not null && item.To == own.Did;
        if (own is not null && item.From == own.Did)
        {
            return new EventFinding(item.Verify(own.Card), item, null, true, isForUs);
        }

        // What a device signs in the name of its identity is checked against the identity's card.
        var sender = trust.ListAll().FirstOrDefault(p => p.Did == (item.Principal?.Did ?? item.From));
        var device = item.Principal is null ? null : sender?.Devices.FirstOrDefault(d => d.Did == item.From && d.May(DeviceRights.Send));
        EventKey[]? keys = sender is null ? null : item.Principal is null ? [sender.EventKey] : device is null ? [] : [device.EventKey];
        return new EventFinding(item.Verify(_ => keys), item, sender, false, isForUs) { Device = device };
    }
}
