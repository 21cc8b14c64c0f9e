using System.Management.Automation;
using WirePS.Module.Binding;

namespace WirePS.Module.Pipeline;

/// <summary>A cmdlet that names what its home has issued to let others in.</summary>
/// <typeparam name="T">One of them.</typeparam>
public abstract class IssuedCmdlet<T> : WireCmdlet
{
    /// <summary>So many characters of an id are enough; the list shows more.</summary>
    private const int ShortestStart = 8;

    private protected IssuedCmdlet(IssuedKind<T> kind) => Kind = kind;

    /// <summary>What the cmdlet is about.</summary>
    private protected IssuedKind<T> Kind { get; }

    /// <summary>Those that one name stands for. Refused where it is no wildcard and names none.</summary>
    private protected async Task<IReadOnlyList<T>> RequireAsync(string name)
    {
        var pattern = new WildcardPattern(name, WildcardOptions.IgnoreCase);
        var all = await Kind.ListAsync(Engine, WriteError, Cancellation);
        T[] found = [.. all.Where(item => Kind.NamesOf(item) is var (id, label) && (pattern.IsMatch(id) || (name.Length >= ShortestStart && id.StartsWith(name, StringComparison.OrdinalIgnoreCase)) || (label is not null && pattern.IsMatch(label))))];
        return found.Length > 0 || Missing.IsPattern(name) ? found : throw Kind.NotFound(name);
    }
}

/// <summary>Lists what a home has issued.</summary>
/// <typeparam name="T">One of them.</typeparam>
public abstract class GetIssuedCommand<T> : IssuedCmdlet<T>
{
    private protected GetIssuedCommand(IssuedKind<T> kind)
        : base(kind)
    {
    }

    /// <summary>Ids, labels, or wildcards for them.</summary>
    [Parameter(Position = 0, ValueFromPipelineByPropertyName = true)]
    [Alias("Label")]
    [ValidateNotNullOrEmpty]
    [SupportsWildcards]
    [ArgumentCompleter(typeof(IssuedCompleter))]
    public string[]? Id { get; set; }

    /// <inheritdoc/>
    protected override async Task ProcessAsync()
    {
        foreach (var name in Id ?? ["*"])
        {
            await TryAsync(async () => WriteObject((await RequireAsync(name)).Select(item => Kind.Show(item, Engine)), enumerateCollection: true));
        }
    }
}

/// <summary>Takes back what a home has issued.</summary>
/// <typeparam name="T">One of them.</typeparam>
public abstract class RemoveIssuedCommand<T> : IssuedCmdlet<T>
{
    private protected RemoveIssuedCommand(IssuedKind<T> kind)
        : base(kind)
    {
    }

    /// <summary>Ids, labels, or wildcards for them.</summary>
    [Parameter(Mandatory = true, Position = 0, ValueFromPipelineByPropertyName = true)]
    [Alias("Label")]
    [ValidateNotNullOrEmpty]
    [SupportsWildcards]
    [ArgumentCompleter(typeof(IssuedCompleter))]
    public string[]? Id { get; set; }

    /// <summary>Gives out what was removed.</summary>
    [Parameter]
    public SwitchParameter PassThru { get; set; }

    /// <inheritdoc/>
    protected override async Task ProcessAsync()
    {
        foreach (var name in Id!)
        {
            await TryAsync(async () =>
            {
                foreach (var item in await RequireAsync(name))
                {
                    if (ShouldProcess(Kind.SubjectOf(item), Kind.Removal))
                    {
                        await TryAsync(() => RemoveAsync(item));
                    }
                }
            });
        }
    }

    private async Task RemoveAsync(T item)
    {
        if (await Kind.RemoveAsync(Engine, item, Cancellation) is not { } removed)
        {
            return;
        }

        if (Kind.WarningAfter(removed) is { } warning)
        {
            WriteWarning(warning);
        }

        if (PassThru)
        {
            WriteObject(Kind.Show(removed, Engine));
        }
    }
}
