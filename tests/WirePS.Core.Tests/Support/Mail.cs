using System.Text;
using WirePS.Cryptography;
using WirePS.Identity;
using WirePS.Messaging;
using WirePS.Relay;
using WirePS.Storage;
using WirePS.Trust;
using Xunit;

namespace WirePS.Tests.Support;

/// <summary>What tests of messages do with two homes that have paired.</summary>
internal static class Mail
{
    public static async Task<Couple> PairedAsync(bool isOurs = true, Func<string, IFileSystem>? files = null)
    {
        var couple = new Couple(isOurs, files);
        await couple.ReachSasReadyAsync();
        await couple.ConfirmBothAsync();
        await couple.SettleAsync();
        couple.AssertPaired();
        return couple;
    }

    public static TrustEntry PeerOf(Party party) => Assert.Single(party.Engine.Trust.List());

    public static string SlotOf(Party party) => MailboxOf(party).SlotId;

    public static Mailbox MailboxOf(Party party) => Assert.Single(party.Engine.Mailboxes.List());

    public static void Send(Party from, string text) =>
        from.Engine.Outbox.Add(from.Engine.Post.MakeMessage(PeerOf(from), "note", EventKinds.Message, WireJson.From(text)));

    public static Task<Delivery> SendAsync(Party from, string text, bool onlyQueue = false) =>
        from.Engine.Messenger.SendAsync(PeerOf(from), new MessageWish(WireJson.From(text)) { OnlyQueue = onlyQueue }, CancellationToken.None);

    public static Task<string?> PinAsync(Party party, AgentCard card) =>
        party.Engine.Trust.PinAsync(new PinRequest(card, TrustTier.Verified, "sas-v1", "person", "sas", null, null), static (_, _) => Task.CompletedTask, CancellationToken.None);

    /// <summary>Whether a party's home has read everything that lies in its mailbox.</summary>
    public static IReadOnlyList<string> Unread(Couple couple, Party party) => couple.Relay.Mail.TextsOf(SlotOf(party));

    /// <summary>Leaves an event in a party's mailbox, as anybody can who may write there.</summary>
    public static void Leave(Couple couple, Party party, WireJson item) => couple.Relay.Mail.Post(SlotOf(party), null, item.ToCompactBytes(), item.GetString("event_id"));

    /// <summary>Signs an event with a party's key; every member is as given.</summary>
    public static WireJson Signed(Party party, WireJson content)
    {
        var seed = File.ReadAllBytes(party.Home.PrivateKeyFile);
        return SignedEvent.Sign(seed, party.Engine.Identity.Find()!.Handle, content).Json;
    }

    /// <summary>A message's content, unsealed, to be changed and signed.</summary>
    public static WireJson Content(Couple couple, Party from, Party to, string text) => WireJson.ObjectOf(
        ("schema_version", WireJson.From("v3.1")),
        ("timestamp", WireJson.From(Timestamps.Format(couple.Time.GetUtcNow()))),
        ("from", WireJson.From(from.Engine.Identity.Find()!.Did)),
        ("to", WireJson.From(to.Engine.Identity.Find()!.Did)),
        ("type", WireJson.From("note")),
        ("kind", WireJson.From(1L)),
        ("body", WireJson.From(text)));

    /// <summary>A stranger with a key of its own.</summary>
    public static (AgentCard Card, byte[] Seed) Stranger(string handle, byte fill)
    {
        var seed = Enumerable.Repeat(fill, 32).ToArray();
        return (AgentCard.Create(seed, handle), seed);
    }

    /// <summary>The texts of all messages that were received, oldest first.</summary>
    public static List<string?> Received(Party party) =>
        [.. party.Engine.History.Read(new HistoryQuery(), static error => throw error).Where(static m => m.Direction == MessageDirection.Received).Select(static m => m.Body?.AsString())];

    /// <summary>Everything that a consumer has not had, committed one by one.</summary>
    public static async Task<List<string?>> TakeAsync(Party party, string consumer = "default", IReadOnlyCollection<string>? peers = null, int most = int.MaxValue)
    {
        using var turn = party.Engine.OpenConsumer(consumer, peers);
        var texts = new List<string?>();
        foreach (var pending in turn.Pending().Take(most))
        {
            texts.Add(pending.Message.Body?.AsString());
            await turn.CommitAsync(pending.Place);
        }

        if (texts.Count < most)
        {
            await turn.CommitSeenAsync();
        }

        return texts;
    }

    /// <summary>Why events were refused, oldest first.</summary>
    public static IReadOnlyList<EventRefusal> Refusals(Party party) => [.. party.Engine.Refused.List().Select(static r => r.Reason)];
}
