using WirePS.Relay;
using WirePS.Trust;
using WirePS.Tests.Support;
using Xunit;

namespace WirePS.Tests.Relay;

/// <summary>Which addresses name a relay, which may be used, and how each is spelled.</summary>
public sealed class RelayUrlTests
{
    [Theory]
    [InlineData("https://relay.example", "https://relay.example")]
    [InlineData("https://relay.example/", "https://relay.example")]
    [InlineData("  https://Relay.EXAMPLE:443/  ", "https://relay.example")]
    [InlineData("HTTPS://relay.example:8443", "https://relay.example:8443")]
    [InlineData("https://[2001:DB8::1]:8443/", "https://[2001:db8::1]:8443")]
    [InlineData("http://127.0.0.1:8770/", "http://127.0.0.1:8770")]
    [InlineData("http://127.8.9.1", "http://127.8.9.1")]
    [InlineData("http://localhost:80", "http://localhost")]
    [InlineData("http://loopback:8770", "http://localhost:8770")]
    [InlineData("http://[::1]:8770", "http://[::1]:8770")]
    [InlineData("http://[::ffff:127.0.0.1]:8770", "http://[::ffff:127.0.0.1]:8770")]
    public void An_address_has_one_spelling(string typed, string url) => Assert.Equal(url, RelayUrl.Parse(typed));

    [Theory]
    [InlineData("")]
    [InlineData("relay.example")]
    [InlineData("ftp://relay.example")]
    [InlineData("unix:///run/wire.sock")]
    [InlineData("file:///etc/passwd")]
    [InlineData("https://")]
    [InlineData("https://user@relay.example")]
    [InlineData("https://user:pass@relay.example")]
    [InlineData("https://relay.example/path")]
    [InlineData("https://relay.example/?q=1")]
    [InlineData("https://relay.example/#f")]
    [InlineData("https://relay.example:99999")]
    public void What_names_no_relay_is_refused(string typed) =>
        Assert.Equal(WireReason.RelayInvalidUrl, Assert.Throws<WireException>(() => RelayUrl.Parse(typed)).Reason);

    [Theory]
    [InlineData("http://relay.example")]
    [InlineData("http://10.0.0.1:8770")]
    [InlineData("http://[2001:db8::1]")]
    [InlineData("http://localhost.example")]
    public void Plain_http_to_another_machine_needs_the_switch(string typed)
    {
        Assert.Equal(WireReason.RelayInsecure, Assert.Throws<WireException>(() => RelayUrl.Parse(typed)).Reason);
        Assert.Equal(typed, RelayUrl.Parse(typed, allowInsecure: true));
    }

    [Theory]
    [InlineData("https://other.example", "https://relay.example", true)]
    [InlineData("https://other.example:8443/", "https://relay.example", true)]
    [InlineData("https://93.184.216.34", "https://relay.example", true)]
    [InlineData("https://[2606:2800:220:1::1]", "https://relay.example", true)]
    [InlineData("https://relay.example/", "https://relay.example", true)]
    [InlineData("http://relay.example", "http://relay.example", true)]
    [InlineData("http://other.example", "https://relay.example", false)]
    [InlineData("http://other.example", "http://relay.example", false)]
    [InlineData("https://user@other.example", "https://relay.example", false)]
    [InlineData("unix:///run/wire.sock", "https://relay.example", false)]
    [InlineData("", "https://relay.example", false)]
    [InlineData(null, "https://relay.example", false)]
    [InlineData("https://127.0.0.1", "https://relay.example", false)]
    [InlineData("https://2130706433", "https://relay.example", false)]
    [InlineData("https://0x7f.1", "https://relay.example", false)]
    [InlineData("https://localhost", "https://relay.example", false)]
    [InlineData("https://localhost.", "https://relay.example", false)]
    [InlineData("https://LOCALHOST.", "https://relay.example", false)]
    [InlineData("https://foo.localhost.", "https://relay.example", false)]
    [InlineData("https://printer", "https://relay.example", false)]
    [InlineData("https://printer.", "https://relay.example", false)]
    [InlineData("https://printer.local", "https://relay.example", false)]
    [InlineData("https://db.internal", "https://relay.example", false)]
    [InlineData("https://router.lan", "https://relay.example", false)]
    [InlineData("https://nas.home.arpa", "https://relay.example", false)]
    [InlineData("https://0.0.0.0", "https://relay.example", false)]
    [InlineData("https://10.1.2.3", "https://relay.example", false)]
    [InlineData("https://172.16.0.1", "https://relay.example", false)]
    [InlineData("https://172.31.255.255", "https://relay.example", false)]
    [InlineData("https://172.32.0.1", "https://relay.example", true)]
    [InlineData("https://192.168.1.1", "https://relay.example", false)]
    [InlineData("https://169.254.169.254", "https://relay.example", false)]
    [InlineData("https://100.64.0.1", "https://relay.example", false)]
    [InlineData("https://100.128.0.1", "https://relay.example", true)]
    [InlineData("https://224.0.0.1", "https://relay.example", false)]
    [InlineData("https://255.255.255.255", "https://relay.example", false)]
    [InlineData("https://[::1]", "https://relay.example", false)]
    [InlineData("https://[::]", "https://relay.example", false)]
    [InlineData("https://[::ffff:10.0.0.1]", "https://relay.example", false)]
    [InlineData("https://[::ffff:169.254.169.254]", "https://relay.example", false)]
    [InlineData("https://[64:ff9b::a9fe:a9fe]", "https://relay.example", false)]
    [InlineData("https://[fe80::1]", "https://relay.example", false)]
    [InlineData("https://[fd00::1]", "https://relay.example", false)]
    [InlineData("https://[ff02::1]", "https://relay.example", false)]
    [InlineData("https://10.1.2.3", "https://10.9.9.9", true)]
    [InlineData("http://10.1.2.3", "https://10.9.9.9", false)]
    [InlineData("https://127.0.0.1:1", "https://10.9.9.9", true)]
    [InlineData("http://127.0.0.1:1", "http://127.0.0.1:2", true)]
    [InlineData("http://10.0.0.1", "http://127.0.0.1:2", false)]
    [InlineData("https://other.example", "http://127.0.0.1:2", true)]
    public void A_peer_can_send_us_to_a_public_relay_and_nowhere_else(string? candidate, string ownRelay, bool usable)
    {
        Assert.Equal(usable, RelayUrl.IsUsableRoute(candidate, ownRelay, out _));
        Assert.Equal(usable, PeerRoute.TryCreate(candidate, Machine.Slot, Machine.Token, ownRelay) is not null);
    }

    [Theory]
    [InlineData(null, null)]
    [InlineData("", "")]
    [InlineData("5105105105105105105105105105105A", "7777777777777777777777777777777777777777777777777777777777777777")]
    [InlineData("../../../../../../../etc/passwd00", "7777777777777777777777777777777777777777777777777777777777777777")]
    [InlineData("5105105105105105105105105105105a", "777")]
    [InlineData("5105105105105105105105105105105a", "777777777777777777777777777777777777777777777777777777777777777\n")]
    public void A_mailbox_that_is_not_named_by_hex_digits_is_no_route(string? slot, string? token) =>
        Assert.Null(PeerRoute.TryCreate("https://other.example", slot, token, "https://relay.example"));
}
