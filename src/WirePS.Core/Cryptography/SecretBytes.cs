using System.Security.Cryptography;

namespace WirePS.Cryptography;

/// <summary>
/// Bytes that must not outlive their use: on the pinned heap, so that the collector never leaves a copy behind,
/// and overwritten on <see cref="Dispose"/>. There is no finalizer: it could overwrite the bytes while a span
/// over them is still in use.
/// </summary>
public sealed class SecretBytes : IDisposable
{
    private byte[]? _bytes;

    /// <summary>Creates a secret of zero bytes, to be filled through <see cref="Span"/>.</summary>
    /// <param name="length">Number of bytes.</param>
    public SecretBytes(int length)
    {
        ArgumentOutOfRangeException.ThrowIfNegative(length);
        _bytes = GC.AllocateArray<byte>(length, pinned: true);
        Length = length;
    }

    /// <summary>Number of bytes.</summary>
    public int Length { get; }

    /// <summary>The bytes themselves; do not keep the span beyond <see cref="Dispose"/>.</summary>
    /// <exception cref="ObjectDisposedException">The secret was erased.</exception>
    public Span<byte> Span
    {
        get
        {
            ObjectDisposedException.ThrowIf(_bytes is null, this);
            return _bytes;
        }
    }

    /// <summary>A secret with a copy of the given bytes; the caller still has to erase its own.</summary>
    public static SecretBytes CopyOf(ReadOnlySpan<byte> source)
    {
        var secret = new SecretBytes(source.Length);
        source.CopyTo(secret.Span);
        return secret;
    }

    /// <summary>A secret of unpredictable bytes.</summary>
    /// <param name="length">Number of bytes.</param>
    /// <param name="random">Where they come from.</param>
    public static SecretBytes Random(int length, IRandomSource random)
    {
        ArgumentNullException.ThrowIfNull(random);
        var secret = new SecretBytes(length);
        random.Fill(secret.Span);
        return secret;
    }

    /// <summary>Compares in a time that depends on the lengths only.</summary>
    public bool FixedTimeEquals(ReadOnlySpan<byte> other) => CryptographicOperations.FixedTimeEquals(Span, other);

    /// <summary>Overwrites the bytes; may be called more than once.</summary>
    public void Dispose()
    {
        var bytes = Interlocked.Exchange(ref _bytes, null);
        if (bytes is not null)
        {
            CryptographicOperations.ZeroMemory(bytes);
        }
    }

    /// <summary>The name of the type; never the bytes.</summary>
    public override string ToString() => nameof(SecretBytes);
}
