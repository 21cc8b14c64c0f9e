using WirePS.Handshakes;
using WirePS.Tests.Support;
using WirePS.Trust;
using Xunit;

namespace WirePS.Tests.Handshakes;

/// <summary>Allowlist and policy as files, and what they do to requests that come.</summary>
public sealed class TrustPolicyTests
{
    private static CancellationToken None => CancellationToken.None;

    [Fact]
    public async Task An_agent_of_the_allowlist_is_trusted_when_it_asks_below_what_a_person_decides()
    {
        using var pair = await TrustRequestTests.StrangersAsync();
        await pair.Two.Engine.TrustPolicies.AddAsync(new TrustedAgent { Name = "bench", Key = KeyOf(pair.One) }, None);
        await pair.AskAsync(null);
        await pair.SettleAsync();
        Assert.Empty(pair.Two.Engine.Requests.Pending());
        var peer = Assert.Single(pair.Two.Engine.Trust.List());
        Assert.Equal((TrustTier.OrgVerified, "policy:trusted_agent", "request"), (peer.Tier, peer.ApprovedBy, peer.Ceremony));
        Assert.Equal("policy:trusted_agent", pair.Two.Engine.Journal.Read(0).Single(static e => e.To == "pinned").Reason);
        Assert.Single(pair.One.Engine.Trust.List());

        // Asking again raises nothing.
        await pair.AskAsync(null);
        await pair.SettleAsync();
        Assert.Equal(TrustTier.OrgVerified, Assert.Single(pair.Two.Engine.Trust.List()).Tier);
    }

    [Fact]
    public async Task A_pin_for_another_key_and_no_policy_leave_the_request_to_a_person()
    {
        using var pair = await TrustRequestTests.StrangersAsync();
        var claimed = pair.One.Engine.Identity.Find()!.Card;
        await pair.Two.Engine.TrustPolicies.AddAsync(new TrustedAgent { Name = "bench", Did = claimed.Did, NodeId = NodeId.Of(claimed.PublicKey), Key = KeyOf(pair.Two) }, None);
        await pair.AskAsync(null);
        await pair.SettleAsync();
        Assert.Single(pair.Two.Engine.Requests.Pending());
        Assert.Empty(pair.Two.Engine.Trust.List());
    }

    [Fact]
    public async Task The_policy_is_off_until_it_is_set_and_says_before_what_it_would_do()
    {
        using var pair = await TrustRequestTests.StrangersAsync();
        await pair.AskAsync(null);
        await pair.SettleAsync();
        var requests = pair.Two.Engine.Requests;
        Assert.Equal("person", Assert.Single(requests.Preview()).Decision.Reason);
        Assert.Equal(TrustDecision.AutoApprove, Assert.Single(requests.Preview(new TrustPolicy { AutoApprove = true })).Decision.Reason);
        Assert.Single(requests.Pending());
        Assert.False(pair.Two.Engine.TrustPolicies.Policy().AutoApprove);

        await pair.Two.Engine.TrustPolicies.SetAsync(new TrustPolicy { AutoApprove = true }, None);
        pair.Relay.Mail.Repeat(TrustRequestTests.SlotOf(pair.Two), new TrustRequestTests.Stranger(Machine.Bytes(33), "another").Ask(pair.Two, pair.Relay));
        await pair.Two.TickAsync();
        Assert.Single(pair.Two.Engine.Requests.Pending());
        Assert.Equal("policy:auto_approve", Assert.Single(pair.Two.Engine.Trust.List()).ApprovedBy);
    }

    [Theory]
    [InlineData("trust-policy.json", """{"version":1,"auto_approve":true,"never":["x"]}""")]
    [InlineData("trust-policy.json", """{"version":1,"auto_approve":"yes"}""")]
    [InlineData("trust-policy.json", """{"version":2,"auto_approve":true}""")]
    [InlineData("trust-policy.json", """{"version":1,"auto_approve":tr""")]
    [InlineData("trusted-agents.json", """{"version":1,"agents":[{"name":"a","public_key":"AAAA"}]}""")]
    [InlineData("trusted-agents.json", """{"version":1,"agents":[{"name":"a","did":"x","except":"y"}]}""")]
    [InlineData("trusted-agents.json", """{"version":1,"agents":[{"name":"a","did":"x"},{"name":"a","did":"y"}]}""")]
    [InlineData("trusted-agents.json", """{"version":1,"agents":[{"name":"a"}]}""")]
    public async Task A_file_that_is_not_understood_grants_nothing_and_says_so(string file, string text)
    {
        using var pair = await TrustRequestTests.StrangersAsync();
        var two = pair.Two.Engine;
        await two.TrustPolicies.SetAsync(new TrustPolicy { AutoApprove = true }, None);
        await two.TrustPolicies.AddAsync(new TrustedAgent { Name = "bench", Key = KeyOf(pair.One) }, None);
        two.Files.WritePrivate(Path.Combine(two.Home.ConfigFolder, file), System.Text.Encoding.UTF8.GetBytes(text));
        await pair.AskAsync(null);
        await pair.SettleAsync();
        Assert.Empty(two.Trust.List());
        Assert.Equal("policy_unreadable", Assert.Single(two.Requests.Preview()).Decision.Reason);
        var error = file == "trust-policy.json" ? Assert.Throws<WireException>(two.TrustPolicies.Policy) : Assert.Throws<WireException>(two.TrustPolicies.Allowlist);
        Assert.Equal(text.Contains("\"version\":2", StringComparison.Ordinal) ? WireReason.FileNewerVersion : WireReason.FileCorrupt, error.Reason);
    }

    [Fact]
    public async Task One_key_stands_under_one_name_and_can_be_taken_out()
    {
        using var pair = await TrustRequestTests.StrangersAsync();
        var policies = pair.Two.Engine.TrustPolicies;
        await policies.AddAsync(new TrustedAgent { Name = "a", Key = KeyOf(pair.One) }, None);
        var error = await Assert.ThrowsAsync<WireException>(() => policies.AddAsync(new TrustedAgent { Name = "b", Key = KeyOf(pair.One) }, None));
        Assert.Equal(WireReason.TrustedAgentExists, error.Reason);
        Assert.True(await policies.RemoveAsync("a", None));
        Assert.False(await policies.RemoveAsync("a", None));
        Assert.Empty(policies.Allowlist().Agents);
    }

    /// <summary>Weakness 15: the side that was revoked has a cooldown too, and it outlives a restart.</summary>
    [Fact]
    public async Task After_a_revocation_by_the_peer_no_policy_lets_it_in_for_five_minutes()
    {
        using var pair = await TrustRequestTests.StrangersAsync();
        var two = pair.Two.Engine;
        await two.TrustPolicies.SetAsync(new TrustPolicy { AutoApprove = true }, None);
        await pair.AskAsync(null);
        await pair.SettleAsync();
        pair.Time.Advance(TimeSpan.FromSeconds(5));
        await pair.One.Engine.PeerRevocation.RevokeAsync(Assert.Single(pair.One.Engine.Trust.List()), null, None);
        await pair.SettleAsync();
        Assert.False(Assert.Single(two.Trust.List()).IsTrusted);

        // A person there has thought better of it.
        await pair.One.Engine.Peers.ForgetAsync(two.Identity.Find()!.Did, None);
        await pair.AskAsync(null);
        await pair.SettleAsync();
        Assert.Equal("cooldown", Assert.Single(two.Requests.Preview()).Decision.Reason);
        pair.Time.Advance(TrustDecision.Cooldown);
        Assert.Equal(TrustVerdict.Granted, Assert.Single(two.Requests.Preview()).Decision.Verdict);
    }

    [Fact]
    public async Task A_wait_ends_with_trust_and_with_nothing_else()
    {
        using var pair = await TrustRequestTests.StrangersAsync();
        var two = pair.Two.Engine;
        await pair.AskAsync(null);
        await pair.SettleAsync();
        TrustEntry? Find(IReadOnlyList<TrustEntry> peers) => peers.FirstOrDefault(p => p.PublicKey.AsSpan().SequenceEqual(KeyOf(pair.One)));
        var error = await Assert.ThrowsAsync<WireException>(() => two.TrustWait.WaitAsync(Find, TimeSpan.Zero, None));
        Assert.Equal(WireReason.WaitTimeout, error.Reason);

        var many = Enumerable.Range(0, 20).Select(_ => two.TrustWait.WaitAsync(Find, null, None)).ToList();
        using var stop = new CancellationTokenSource();
        var cancelled = two.TrustWait.WaitAsync(static _ => null, null, stop.Token);
        await two.Requests.ApproveAsync(Assert.Single(two.Requests.Pending()).Id, None);
        var peers = await Task.WhenAll(many);
        Assert.All(peers, p => Assert.Equal(KeyOf(pair.One), p.PublicKey));
        Assert.Equal(KeyOf(pair.One), (await two.TrustWait.WaitAsync(Find, TimeSpan.Zero, None)).PublicKey);
        await stop.CancelAsync();
        await Assert.ThrowsAnyAsync<OperationCanceledException>(() => cancelled);
    }

    private static byte[] KeyOf(Party party) => party.Engine.Identity.Find()!.Card.PublicKey;
}
