using WirePS.Cryptography;
using WirePS.Handshakes;
using WirePS.Trust;
using Xunit;

namespace WirePS.Tests.Handshakes;

/// <summary>Which requests are granted without a person (handshake.md §5.1 and §7, wireps.md §4 and §8).</summary>
public sealed class TrustDecisionTests
{
    private static readonly byte[] Key = Ed25519.PublicKey([.. Enumerable.Repeat((byte)1, 32)]);
    private static readonly byte[] Other = Ed25519.PublicKey([.. Enumerable.Repeat((byte)9, 32)]);
    private static readonly TrustCase Stranger = new() { Key = Key, NodeId = NodeId.Of(Key), Did = "did:wire:a-1", Address = "a@relay" };
    private static readonly TrustPolicy Open = new() { AutoApprove = true, AllowOlderSignature = true };

    [Fact]
    public void Nothing_is_granted_until_somebody_sets_something() =>
        Assert.Equal(TrustVerdict.Pending, TrustDecision.Of(Stranger with { IsConfirmed = true }, TrustAllowlist.Empty, TrustPolicy.Default).Verdict);

    [Fact]
    public void The_first_rule_that_fits_decides()
    {
        var asked = Stranger with { WasAsked = true };
        var list = new TrustAllowlist([new TrustedAgent { Name = "bench", Key = Key }]);
        Assert.Equal(new(TrustVerdict.AlreadyTrusted, "trusted"), TrustDecision.Of(asked with { Standing = PeerKeyFamiliarity.Known }, list, Open));
        Assert.Equal(new(TrustVerdict.Granted, TrustDecision.Mutual), TrustDecision.Of(asked, list, Open));
        Assert.Equal(new(TrustVerdict.Granted, TrustDecision.TrustedAgent, "bench"), TrustDecision.Of(Stranger, list, Open));
        Assert.Equal(new(TrustVerdict.Granted, TrustDecision.AutoApprove), TrustDecision.Of(Stranger, TrustAllowlist.Empty, Open));
    }

    /// <summary>Wireps.md §4: only a person brings back whom a person has revoked, and resolves a conflict.</summary>
    [Fact]
    public void Revocation_conflict_and_cooldown_stand_above_every_policy()
    {
        var list = new TrustAllowlist([new TrustedAgent { Name = "bench", Key = Key }]);
        var best = Stranger with { WasAsked = true, IsConfirmed = true };
        Assert.Equal(new(TrustVerdict.Refused, "revoked"), TrustDecision.Of(best with { Standing = PeerKeyFamiliarity.Revoked }, list, Open));
        Assert.Equal(new(TrustVerdict.Pending, "identity_conflict"), TrustDecision.Of(best with { Standing = PeerKeyFamiliarity.Different }, list, Open));
        Assert.Equal(new(TrustVerdict.Pending, "cooldown"), TrustDecision.Of(best with { IsCoolingDown = true, WasAsked = false }, list, Open));
    }

    [Fact]
    public void What_cannot_be_read_grants_nothing()
    {
        var best = Stranger with { WasAsked = true, IsConfirmed = true };
        Assert.Equal(new(TrustVerdict.Pending, "policy_unreadable"), TrustDecision.Of(best, null, Open));
        Assert.Equal(new(TrustVerdict.Pending, "policy_unreadable"), TrustDecision.Of(best, TrustAllowlist.Empty, null));
        Assert.Equal(TrustVerdict.Refused, TrustDecision.Of(best with { IsWeak = true }, TrustAllowlist.Empty, null).Verdict);
    }

    /// <summary>Weaknesses 1 and 10: the older signature can be used again, and with a policy anybody could claim any id.</summary>
    [Fact]
    public void The_older_signature_counts_only_where_policy_allows_it_and_a_directory_knows_the_key()
    {
        var weak = Stranger with { IsWeak = true, WasAsked = true };
        Assert.Equal(new(TrustVerdict.Refused, "older_signature"), TrustDecision.Of(weak, TrustAllowlist.Empty, TrustPolicy.Default));
        Assert.Equal(new(TrustVerdict.Pending, "unconfirmed_key"), TrustDecision.Of(weak, TrustAllowlist.Empty, Open));
        Assert.Equal(TrustVerdict.Granted, TrustDecision.Of(weak with { IsConfirmed = true }, TrustAllowlist.Empty, Open).Verdict);
        Assert.Equal("older_signature", TrustDecision.OfAnswer(weak, TrustPolicy.Default).Reason);
    }

    [Theory]
    [InlineData("did")]
    [InlineData("address")]
    [InlineData("node_id")]
    public void A_name_without_a_pin_needs_the_word_of_a_directory_and_a_pin_the_right_key(string by)
    {
        var agent = new TrustedAgent
        {
            Name = "bench",
            Did = by == "did" ? Stranger.Did : null,
            Address = by == "address" ? Stranger.Address : null,
            NodeId = by == "node_id" ? Stranger.NodeId : 0,
        };
        Assert.False(agent.Is(Stranger));
        Assert.True(agent.Is(Stranger with { IsConfirmed = true }));
        Assert.True((agent with { Key = Key }).Is(Stranger));
        Assert.False((agent with { Key = Other }).Is(Stranger with { IsConfirmed = true }));
        Assert.False((agent with { Key = Key }).Is(Stranger with { Did = "did:wire:b-2", Address = null, NodeId = 7 }));
    }

    /// <summary>Weakness 3: an answer that nobody asked for.</summary>
    [Fact]
    public void A_yes_counts_only_where_this_very_key_was_asked()
    {
        Assert.Equal(new(TrustVerdict.Refused, "unsolicited"), TrustDecision.OfAnswer(Stranger, Open));
        Assert.Equal(new(TrustVerdict.Granted, "accepted"), TrustDecision.OfAnswer(Stranger with { WasAsked = true }, Open));
        Assert.Equal(new(TrustVerdict.Refused, "identity_conflict"), TrustDecision.OfAnswer(Stranger with { WasAsked = true, Standing = PeerKeyFamiliarity.Different }, Open));
    }
}
