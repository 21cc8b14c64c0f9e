using WirePS.Cryptography;

namespace WirePS.Tests.Cryptography;

/// <summary>The same bytes for the same seed.</summary>
internal sealed class SeededRandomSource(int seed) : IRandomSource
{
    private readonly Random _random = new(seed);

    public void Fill(Span<byte> buffer) => _random.NextBytes(buffer);
}

/// <summary>Exactly the given bytes, one after the other.</summary>
internal sealed class ScriptedRandomSource(params byte[] bytes) : IRandomSource
{
    private int _position;

    public int Left => bytes.Length - _position;

    public void Fill(Span<byte> buffer)
    {
        bytes.AsSpan(_position, buffer.Length).CopyTo(buffer);
        _position += buffer.Length;
    }
}
