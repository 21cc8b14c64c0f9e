namespace WirePS.Cryptography;

/// <summary>What Argon2id makes of a code (pairing-v2.md §2): where the two sides meet, and what they share.</summary>
/// <param name="lookup">The id of the rendezvous, 64 lowercase hex digits. The relay sees it.</param>
/// <param name="w">The password as a scalar, 32 bytes little-endian; belongs to this object from now on.</param>
public sealed class StretchedCode(string lookup, SecretBytes w) : IDisposable
{
    /// <summary>The id of the rendezvous, 64 lowercase hex digits. The relay sees it.</summary>
    public string Lookup { get; } = lookup;

    /// <summary>The password as a scalar, 32 bytes little-endian.</summary>
    public SecretBytes W { get; } = w;

    /// <summary>Erases the scalar.</summary>
    public void Dispose() => W.Dispose();
}

/// <summary>Stretches codes; injected, so that a simulation of thousands of pairings need not pay for each.</summary>
public interface ICodeStretcher
{
    /// <summary>Stretches a code on the calling thread.</summary>
    /// <param name="canonicalCode">The canonical form.</param>
    StretchedCode Stretch(string canonicalCode);

    /// <summary>Stretches a code without holding up the caller. A double that costs nothing does it at once.</summary>
    /// <param name="canonicalCode">The canonical form.</param>
    /// <param name="cancellationToken">Ends the wait for a turn.</param>
    Task<StretchedCode> StretchAsync(string canonicalCode, CancellationToken cancellationToken) => Task.FromResult(Stretch(canonicalCode));
}

/// <summary>
/// The real stretcher. One stretch is tens of milliseconds of a core and 16 MiB: the asynchronous form does it on a thread
/// of its own, so that it keeps no thread of the pool busy, and not more of them at a time than there are cores.
/// </summary>
public sealed class Argon2CodeStretcher : ICodeStretcher
{
    private static readonly SemaphoreSlim Turns = new(Environment.ProcessorCount);

    private Argon2CodeStretcher()
    {
    }

    /// <summary>The one instance.</summary>
    public static Argon2CodeStretcher Instance { get; } = new();

    /// <inheritdoc/>
    public StretchedCode Stretch(string canonicalCode) => PairingV2.Stretch(canonicalCode);

    /// <inheritdoc/>
    public async Task<StretchedCode> StretchAsync(string canonicalCode, CancellationToken cancellationToken)
    {
        await Turns.WaitAsync(cancellationToken).ConfigureAwait(false);
        try
        {
            return await Task.Factory.StartNew(
                () => Stretch(canonicalCode), CancellationToken.None, TaskCreationOptions.LongRunning, TaskScheduler.Default).ConfigureAwait(false);
        }
        finally
        {
            Turns.Release();
        }
    }
}
