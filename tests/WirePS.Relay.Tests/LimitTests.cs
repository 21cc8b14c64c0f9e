using System.Net;
using Microsoft.Extensions.Primitives;
using WirePS.Relay.Limits;
using WirePS.Relay.Tests.Support;
using WirePS.Relay.Waiting;

namespace WirePS.Relay.Tests;

/// <summary>Who is counted, how much, and what that costs.</summary>
public sealed class LimitTests
{
    [Fact]
    public void A_bucket_gives_its_minute_at_once_and_then_at_its_rate()
    {
        var time = new ManualTime();
        var buckets = new TokenBuckets<SourceAddress>(60, TimeSpan.FromMinutes(1), 100, time);
        var source = SourceAddress.Of(IPAddress.Parse("192.0.2.1"));
        for (var i = 0; i < 60; i++)
        {
            Assert.True(buckets.TryTake(source, out _));
        }

        Assert.False(buckets.TryTake(source, out var retryAfter));
        Assert.Equal(1, retryAfter);
        time.Advance(TimeSpan.FromSeconds(1));
        Assert.True(buckets.TryTake(source, out _));
        Assert.False(buckets.TryTake(source, out _));
        buckets.Return(source);
        Assert.True(buckets.TryTake(source, out _));
        Assert.True(buckets.TryTake(SourceAddress.Of(IPAddress.Parse("192.0.2.2")), out _));
        time.Advance(TimeSpan.FromHours(1));
        for (var i = 0; i < 60; i++)
        {
            Assert.True(buckets.TryTake(source, out _));
        }

        Assert.False(buckets.TryTake(source, out _));
    }

    [Theory]
    [InlineData(1, 60)]
    [InlineData(2, 30)]
    [InlineData(120, 1)]
    public void Retry_after_is_when_the_next_token_comes(int perMinute, int seconds)
    {
        var buckets = new TokenBuckets<SourceAddress>(perMinute, TimeSpan.FromMinutes(1), 100, new ManualTime());
        for (var i = 0; i < perMinute; i++)
        {
            Assert.True(buckets.TryTake(default, out _));
        }

        Assert.False(buckets.TryTake(default, out var retryAfter));
        Assert.Equal(seconds, retryAfter);
    }

    [Fact]
    public void The_number_of_buckets_is_bounded_and_the_one_unused_for_longest_goes()
    {
        var buckets = new TokenBuckets<SourceAddress>(1, TimeSpan.FromMinutes(1), 1000, new ManualTime());
        var first = SourceAddress.Of(IPAddress.Parse("192.0.2.1"));
        Assert.True(buckets.TryTake(first, out _));
        for (var i = 0; i < 100_000; i++)
        {
            Assert.True(buckets.TryTake(new SourceAddress((UInt128)(i + 1)), out _));
            if (i % 500 == 0)
            {
                Assert.False(buckets.TryTake(first, out _));
            }
        }

        Assert.Equal(1000, buckets.Count);
    }

    [Theory]
    [InlineData("2001:db8:1:2:3:4:5:6", "2001:db8:1:2:ffff::1", true)]
    [InlineData("2001:db8:1:2::1", "2001:db8:1:3::1", false)]
    [InlineData("192.0.2.1", "192.0.2.2", false)]
    [InlineData("192.0.2.1", "::ffff:192.0.2.1", true)]
    [InlineData("::1", "::2", true)]
    public void A_source_is_an_IPv4_address_or_an_IPv6_64(string one, string other, bool same) =>
        Assert.Equal(same, SourceAddress.Of(IPAddress.Parse(one)) == SourceAddress.Of(IPAddress.Parse(other)));

    [Theory]
    [InlineData("192.0.2.9", "198.51.100.1", "192.0.2.9")]
    [InlineData("10.0.0.1", "198.51.100.1", "198.51.100.1")]
    [InlineData("10.0.0.1", "203.0.113.7, 198.51.100.1", "198.51.100.1")]
    [InlineData("10.0.0.1", "203.0.113.7, 198.51.100.1, 10.0.0.2", "198.51.100.1")]
    [InlineData("::ffff:10.0.0.1", "198.51.100.1:4711", "198.51.100.1")]
    [InlineData("10.0.0.1", "[2001:db8::1]:80", "2001:db8::1")]
    [InlineData("10.0.0.1", "", "10.0.0.1")]
    [InlineData("10.0.0.1", "203.0.113.7, unknown", "10.0.0.1")]
    [InlineData("10.0.0.1", "10.0.0.3", "10.0.0.3")]
    public void X_Forwarded_For_is_believed_from_its_end_and_only_from_trusted_proxies(string peer, string header, string source)
    {
        var resolver = new SourceResolver([IPNetwork.Parse("10.0.0.0/8")]);
        Assert.Equal(IPAddress.Parse(source), resolver.Resolve(IPAddress.Parse(peer), new StringValues(header))!.MapToIPv4IfMapped());
    }

    [Fact]
    public void Without_trusted_proxies_the_header_says_nothing() =>
        Assert.Equal(IPAddress.Loopback, new SourceResolver([]).Resolve(IPAddress.Loopback, new StringValues("198.51.100.1")));

    [Fact]
    public async Task Creating_a_rendezvous_is_limited_coming_to_one_is_not()
    {
        var time = new ManualTime();
        await using var relay = await TestRelay.StartAsync(time, static options => options with { RendezvousPerMinute = 2 });
        Assert.Equal(201, (await relay.Client.PostAsync("/v1/pair", RelayClient.OpenJson("a", "host", "m"))).Status);
        Assert.Equal(201, (await relay.Client.PostAsync("/v1/pair", RelayClient.OpenJson("b", "host", "m"))).Status);
        var limited = await relay.Client.PostAsync("/v1/pair", RelayClient.OpenJson("c", "host", "m"));
        Assert.Equal((429, "30", "30"), (limited.Status, limited.Headers["retry-after"], limited.Headers["x-ratelimit-after"]));

        for (var i = 0; i < 5; i++)
        {
            Assert.Equal(201, (await relay.Client.PostAsync("/v1/pair", RelayClient.OpenJson("a", "host", "m"))).Status);
            Assert.Equal(201, (await relay.Client.PostAsync("/v1/pair", RelayClient.OpenJson("a", "guest", "g"))).Status);
            Assert.Equal(409, (await relay.Client.PostAsync("/v1/pair", RelayClient.OpenJson("b", "host", "x"))).Status);
        }

        time.Advance(TimeSpan.FromSeconds(30));
        Assert.Equal(201, (await relay.Client.PostAsync("/v1/pair", RelayClient.OpenJson("c", "host", "m"))).Status);
        Assert.Equal(429, (await relay.Client.PostAsync("/v1/pair", RelayClient.OpenJson("d", "host", "m"))).Status);
    }

    [Fact]
    public void A_counter_forgets_keys_under_which_nothing_is_open()
    {
        var counter = new OpenCounter<string>(2);
        var one = counter.TryEnter("a")!;
        var two = counter.TryEnter("a")!;
        Assert.Null(counter.TryEnter("a"));
        one.Dispose();
        one.Dispose();
        using (counter.TryEnter("a"))
        {
            Assert.Null(counter.TryEnter("a"));
        }

        two.Dispose();
        Assert.Equal(0, counter.KeyCount);
        Assert.Null(new OpenCounter<string>(0).TryEnter("a"));
    }

    [Fact]
    public async Task A_board_forgets_topics_that_nobody_waits_for()
    {
        var board = new NewsBoard();
        using (var one = board.Listen("a"))
        {
            using var two = board.Listen("a");
            var next = one.Next();
            board.Announce("a");
            board.Announce("b");
            await next;
            Assert.False(one.Next().IsCompleted);
            Assert.Equal(1, board.TopicCount);
        }

        Assert.Equal(0, board.TopicCount);
    }
}

/// <summary>Compares addresses whatever family they came in.</summary>
internal static class IPAddressExtensions
{
    public static IPAddress MapToIPv4IfMapped(this IPAddress address) => address.IsIPv4MappedToIPv6 ? address.MapToIPv4() : address;
}
