using System.Security.Cryptography;
using WirePS.Identity;

namespace WirePS.Relay.Tests.Support;

/// <summary>Somebody with a key, a card and a mailbox.</summary>
internal sealed record Person(RelayClient Client, byte[] Seed, AgentCard Card, Slot Slot)
{
    /// <summary>The relay's answer to the first claim.</summary>
    public required Answer Claim { get; init; }

    public string Nick => Card.Handle;

    /// <summary>Makes a new identity and claims its handle.</summary>
    public static async Task<Person> CreateAsync(RelayClient client, string nick, string more = "")
    {
        var seed = RandomNumberGenerator.GetBytes(32);
        var card = WithProfile(seed, nick, null);
        var slot = await client.AllocateAsync();
        return new Person(client, seed, card, slot) { Claim = await ClaimAsync(client, slot, card, more) };
    }

    /// <summary>A card of the same key with a profile.</summary>
    public static AgentCard WithProfile(byte[] seed, string nick, string? profile)
    {
        var card = AgentCard.Create(seed, nick);
        return profile is null ? card : AgentCard.From(AgentCard.Sign(seed, card.Json.With("profile", WireJson.Parse(profile))));
    }

    /// <summary>Claims; <paramref name="more"/> are members with a comma before them.</summary>
    public static Task<Answer> ClaimAsync(RelayClient client, Slot slot, AgentCard card, string more = "", string? nick = null) => client.PostAsync(
        "/v1/handle/claim", $$"""{"nick":"{{nick ?? card.Handle}}","slot_id":"{{slot.Id}}","card":{{card.JsonText}}{{more}}}""", slot.Token);

    /// <summary>An introduction of this person.</summary>
    public string Intro(string id, string more = "") =>
        $$"""{"event_id":"{{id}}","kind":1100,"type":"pair_drop","body":{"card":{{Card.JsonText}}}{{more}}}""";

    /// <summary>Posts an event to somebody's handle.</summary>
    public static Task<Answer> PostIntroAsync(RelayClient client, string nick, string eventJson) =>
        client.PostAsync("/v1/handle/intro/" + nick, $$"""{"event":{{eventJson}}}""");
}
