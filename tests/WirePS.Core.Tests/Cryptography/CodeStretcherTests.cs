using WirePS.Cryptography;
using Xunit;

namespace WirePS.Tests.Cryptography;

public sealed class CodeStretcherTests
{
    private const string Code = "CUGV3ELVQSK2";

    [Fact]
    public async Task It_gives_the_same_on_a_thread_of_its_own_many_at_a_time()
    {
        ICodeStretcher stretcher = Argon2CodeStretcher.Instance;
        using var expected = stretcher.Stretch(Code);
        var all = await Task.WhenAll(Enumerable.Range(0, 12).Select(_ => stretcher.StretchAsync(Code, CancellationToken.None)));
        foreach (var stretched in all)
        {
            Assert.Equal(expected.Lookup, stretched.Lookup);
            Assert.True(expected.W.FixedTimeEquals(stretched.W.Span));
            stretched.Dispose();
            Assert.Throws<ObjectDisposedException>(() => stretched.W.Span.Length);
        }
    }

    [Fact]
    public async Task A_cancelled_wait_stretches_nothing_and_takes_no_turn()
    {
        ICodeStretcher stretcher = Argon2CodeStretcher.Instance;
        for (var i = 0; i < 2 * Environment.ProcessorCount; i++)
        {
            await Assert.ThrowsAnyAsync<OperationCanceledException>(() => stretcher.StretchAsync(Code, new CancellationToken(canceled: true)));
        }

        using var stretched = await stretcher.StretchAsync(Code, CancellationToken.None);
        Assert.Equal(64, stretched.Lookup.Length);
    }

    [Fact]
    public async Task A_failure_gives_its_turn_back()
    {
        ICodeStretcher stretcher = Argon2CodeStretcher.Instance;
        for (var i = 0; i < 2 * Environment.ProcessorCount; i++)
        {
            await Assert.ThrowsAsync<ArgumentException>(() => stretcher.StretchAsync("nonsense", CancellationToken.None));
        }

        using var stretched = await stretcher.StretchAsync(Code, CancellationToken.None);
        Assert.Equal(64, stretched.Lookup.Length);
    }

    [Fact]
    public void A_double_need_only_stretch()
    {
        ICodeStretcher stretcher = new Double();
        var stretching = stretcher.StretchAsync(Code, CancellationToken.None);
        Assert.True(stretching.IsCompletedSuccessfully);
    }

    [Theory]
    [InlineData("")]
    [InlineData("12-ABCDEF")]
    [InlineData("CUGV-3ELV-QSK2")]
    [InlineData("cugv3elvqsk2")]
    [InlineData("CUGV3FLVQSK2")]
    [InlineData("CUGV3ELVQS\u00c02")]
    public void Only_canonical_codes_are_stretched(string code)
    {
        var refused = Assert.Throws<ArgumentException>(() => PairingV2.Stretch(code));
        if (code.Length > 0)
        {
            Assert.DoesNotContain(code, refused.Message, StringComparison.Ordinal);
        }
    }

    private sealed class Double : ICodeStretcher
    {
        public StretchedCode Stretch(string canonicalCode) => new(new string('0', 64), new SecretBytes(32));
    }
}
